"""The names and the program that people meet first."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import flowstone

README = Path(__file__).parents[1] / "README.md"


def call(*arguments: str, folder: Path, exit_code: int = 0, **environ: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", flowstone.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """A typo in the table of names would show only at its first user."""
    assert getattr(flowstone, name) is not None
    assert name in dir(flowstone)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """So that `from flowstone import nonsense` says what it should."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = flowstone.nonsense


def test_a_name_that_is_to_come_says_so() -> None:
    """Who changes the import of an old flow should not look for a typing error."""
    with pytest.raises(ImportError, match="no card yet: it is to come"):
        from flowstone import card  # noqa: F401


def test_the_readme_works(tmp_path: Path) -> None:
    """Flow and commands, in order."""
    text = README.read_text(encoding="utf-8")
    source, commands = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "hello.py").write_text(source)
    (tmp_path / "pyproject.toml").write_text("")
    output = ""
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        start = ["-m", "flowstone"] if program == "flowstone" else []
        output = call(*start, *arguments, folder=tmp_path)
    assert re.match(r"Hello/\S+  finished ", output)


def test_config_show_says_where_each_setting_comes_from(tmp_path: Path) -> None:
    """Nobody should have to guess why a run went elsewhere."""
    (tmp_path / "pyproject.toml").write_text('[tool.flowstone]\nstore = "here"\n')
    output = call("-m", "flowstone", "config", "show", folder=tmp_path, FLOWSTONE_USER="ada")
    assert re.search(rf"^store +{re.escape(str(tmp_path / 'here'))}  \(.*pyproject.toml", output, re.MULTILINE)
    assert re.search(r"^user +ada  \(variable FLOWSTONE_USER\)", output, re.MULTILINE)


def test_an_unknown_flow_is_wrong_usage(tmp_path: Path) -> None:
    """One sentence, no traceback, exit code 2."""
    output = call("-m", "flowstone", "runs", "Nope", folder=tmp_path, exit_code=2)
    assert output.startswith("error: ")
    assert "Traceback" not in output


def test_a_broken_plugin_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """Somebody else's fault must not take our commands along."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowstone.commands]\nbroken = no_such_module:command\n")
    path = {"PYTHONPATH": str(tmp_path)}
    assert "no_such_module" in call("-m", "flowstone", "plugins", folder=tmp_path, **path)
    output = call("-m", "flowstone", "version", folder=tmp_path, **path)
    assert "flowstone 0" in output
    assert "no_such_module" in call("-m", "flowstone", "broken", folder=tmp_path, exit_code=2, **path)
