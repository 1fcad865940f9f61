"""The package as it is imported and documented."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowstone_graph

MODULES = [module.name for module in pkgutil.walk_packages(flowstone_graph.__path__, "flowstone_graph.")]


@pytest.mark.parametrize("name", ["flowstone_graph", *MODULES])
def test_examples_in_docstrings_run(name):
    """An example that fails is worse than none."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_examples_in_the_readme_run(tmp_path):
    """It is the first thing that people copy."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    program, expected = (
        readme.split(f"```{language}\n")[1].partition("```")[0] for language in ("python", "text")
    )
    file = tmp_path / "train.py"
    file.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", file], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stdout == expected


def test_everything_public_is_there():
    """Names that load lazily are still names of the package."""
    for name in flowstone_graph.__all__:
        assert getattr(flowstone_graph, name) is not None
        assert name in dir(flowstone_graph)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        flowstone_graph.nothing  # noqa: B018 - the look-up is the test


def test_running_a_flow_imports_nothing_heavy():
    """networkx alone costs more than a small run."""
    program = (
        "import sys, flowstone_graph as graph\n"
        "graph.parse_flow, graph.Execution, graph.draw, graph.MalformedGraphError\n"
        "print(*{'networkx', 'hypothesis', 'numpy', 'difflib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
