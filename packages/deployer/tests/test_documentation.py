"""The README's example runs, and so do those of docstrings."""

import doctest
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import flowstone_deployer

MODULES = [info.name for info in pkgutil.walk_packages(flowstone_deployer.__path__, "flowstone_deployer.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_run(name) -> None:
    """An example that is wrong is worse than none."""
    assert doctest.testmod(import_module(name)).failed == 0


def test_the_example_of_the_readme_runs(capsys) -> None:
    """It is the first thing that anybody tries."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    exec(source, {})
    assert capsys.readouterr().out == '"start"\n'
