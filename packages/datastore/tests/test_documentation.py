import doctest
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import flowstone_datastore

PACKAGE = Path(__file__).parents[1]
MODULES = [info.name for info in pkgutil.walk_packages(flowstone_datastore.__path__, "flowstone_datastore.")]
LIBRARIES_OF_EXTRAS = {"awscrt", "boto3", "botocore", "hypothesis", "pandas", "pyarrow", "pytest"}


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_run(name):
    """An example that is wrong is worse than none."""
    try:
        module = import_module(name)
    except ImportError as error:
        if error.name not in LIBRARIES_OF_EXTRAS:
            raise
        pytest.skip(f"an extra is not installed: {error}")
    assert doctest.testmod(module).failed == 0


def test_the_readme_runs(tmp_path):
    """It is the first thing that anybody tries."""
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (expected,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    output = subprocess.check_output([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, text=True)
    assert output == expected


def test_everything_public_is_sorted_and_there():
    """`__all__` is the package's table of contents: constants, classes, functions."""
    names = flowstone_datastore.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)) == names
    assert all(hasattr(flowstone_datastore, name) for name in names)
