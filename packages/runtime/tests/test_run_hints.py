"""The last lines of a run are commands that work when they are pasted."""

import shlex
from pathlib import Path

import pytest

from flowstone_runtime.reporting.run_hints import command_prefix

HERE = Path("/home/ada/project")


@pytest.mark.parametrize(
    ("words", "arguments", "typed"),
    [
        ("python flow.py run", 2, "python flow.py"),
        ("python -W error flow.py run --n 3", 4, "python -W error flow.py"),
        ("python -m pkg.flow run", 2, "python -m pkg.flow"),
        ("/home/ada/project/.venv/bin/python 'my flow.py' run", 2, ".venv/bin/python 'my flow.py'"),
        ("/usr/bin/python3 /elsewhere/flow.py run", 2, "/usr/bin/python3 /elsewhere/flow.py"),
    ],
)
def test_the_command_is_told_as_it_was_typed(words: str, arguments: int, typed: str) -> None:
    """Whatever started Python, with paths as short as they can be; `sys.argv` has the last `arguments` words."""
    original = shlex.split(words)
    assert command_prefix(original, original[-arguments:], HERE) == typed
