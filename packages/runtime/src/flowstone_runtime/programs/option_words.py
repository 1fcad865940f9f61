"""Options by name, as a program gives them, as words of a command line."""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

_FLAGS = frozenset({"json", "keep_going", "pdb", "skip_decorators"})
"""Options of commands that take no value."""
_SWITCHES = frozenset({"persist"})
"""Those that have a `--no-...` beside them."""
_SEVERAL = frozenset({"config", "config_value", "tag", "with"})
"""Those that are given once for each item of a list."""


def top_level_words(options: Mapping[str, Any]) -> list[str]:
    """Options that stand before the command: there, each truth value is a flag.

    >>> top_level_words({"quiet": True, "production": False, "branch": "b"})
    ['--quiet', '--branch', 'b']
    """
    return list(_words(options, {name for name, value in options.items() if isinstance(value, bool)}))


def command_words(options: Mapping[str, Any]) -> list[str]:
    """Options of a command, and parameters; those that are `None` are left out.

    A list or a dictionary becomes JSON, a tuple the option several times.

    >>> command_words({"alpha": 0.5, "items": [1, 2], "tag": ("a", "b"), "keep_going": True, "fast": False})
    ['--alpha', '0.5', '--items', '[1, 2]', '--tag', 'a', '--tag', 'b', '--keep-going', '--fast=false']
    """
    return list(_words(options, _FLAGS))


def _words(options: Mapping[str, Any], flags: frozenset[str] | set[str]) -> Iterator[str]:
    for name, value in options.items():
        option = name.replace("_", "-")
        if name in flags:
            yield from [f"--{option}"] if value else []
        elif name in _SWITCHES:
            yield f"--{option}" if value else f"--no-{option}"
        elif isinstance(value, bool):  # in one word: a parameter that is a flag takes it so
            yield f"--{option}={_text(value)}"
        else:
            is_several = isinstance(value, tuple) or (isinstance(value, list) and name in _SEVERAL)
            for each in value if is_several else (value,):
                if each is not None:
                    yield from (f"--{option}", *(map(_text, each) if isinstance(each, tuple) else (_text(each),)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value.name if isinstance(value, Enum) else str(value)
