import doctest
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import flowstone_runtime
from flowstone_runtime.command_line.flow_commands import _COMMANDS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
MODULES = [info.name for info in pkgutil.walk_packages(flowstone_runtime.__path__, "flowstone_runtime.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_run(name) -> None:
    """An example that is wrong is worse than none."""
    assert doctest.testmod(import_module(name)).failed == 0


def test_the_readme_runs(tmp_path) -> None:
    """Every command prints what it says; a run's id is its own."""
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (console,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    (tmp_path / "train.py").write_text(source, encoding="utf-8")
    shown = ""
    for command in re.findall(r"(?m)^\$ python (.*)$", console):
        done = subprocess.run(
            [sys.executable, "-W", "error", *command.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        shown += f"$ python {command}\n{done.stdout}{done.stderr}"
    assert re.sub(r"Train/\d{8}-\d{6}-\w+/", "Train/.../", shown) == console


def test_every_command_is_in_the_readme() -> None:
    """A table of contents with holes helps nobody."""
    for name in _COMMANDS:
        assert f"`{name}" in README


def test_everything_public_is_sorted_and_there() -> None:
    """`__all__` is the package's table of contents; what loads lazily is a name all the same."""
    names = flowstone_runtime.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == names
    assert all(hasattr(flowstone_runtime, name) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = flowstone_runtime.nonsense


def test_importing_loads_nothing_heavy() -> None:
    """Every task that is started afresh pays for it."""
    heavy = ["click", "rich", "networkx", "asyncio", "numpy", "pandas", "importlib.metadata"]
    if sys.version_info >= (3, 11):  # before, `platform` needs it, which attrs needs
        heavy.append("subprocess")
    code = f"import sys, flowstone_runtime; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"
