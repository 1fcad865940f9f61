"""`times=3,image=python:3.12` -> options by name."""

import json
import re
from typing import Any

from flowstone_runtime.errors import UsageError

_NEXT_OPTION = re.compile(r",(?=\s*[A-Za-z_]\w*=)")


def parse_options(text: str) -> dict[str, Any]:
    """The options of a decorator as a command line gives them: JSON where it is JSON, else text.

    >>> parse_options('times=3,vars={"A": "x, y=1"},image=python:3.12')
    {'times': 3, 'vars': {'A': 'x, y=1'}, 'image': 'python:3.12'}

    Raises:
        UsageError: a part is not `name=value`.
    """
    options: dict[str, Any] = {}
    while text:
        name, equals, rest = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"{text!r} is not name=value")
        options[name.strip()], text = _value(rest)
    return options


def _value(text: str) -> tuple[Any, str]:
    """The value that `text` begins with, and what follows the comma after it."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        end = -1
    if end == len(text) or text[end : end + 1] == ",":
        return value, text[end + 1 :]
    found = _NEXT_OPTION.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])
