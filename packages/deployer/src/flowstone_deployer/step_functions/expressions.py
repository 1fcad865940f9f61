"""Intrinsic functions of the Amazon States Language, written safely."""

import json
import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\'{}])")


def quoted(text: str) -> str:
    r"""A text as an argument of an intrinsic function.

    >>> print(quoted("it's {}"))
    'it\'s \{\}'
    """
    return f"'{_SPECIAL.sub(_escaped, text)}'"


def formatted(template: str, *paths: str) -> str:
    """`template` with each `{}` in it replaced by the value at a path, in order; other braces are not expected.

    >>> print(formatted("runs/{}/x", "$.run"))
    States.Format('runs/{}/x', $.run)
    """
    pieces = template.split("{}")
    assert len(pieces) == len(paths) + 1, "one path for each place"
    text = "{}".join(_SPECIAL.sub(_escaped, piece) for piece in pieces)
    return f"States.Format('{text}', {', '.join(paths)})"


def item_at(array: str, index: int | str) -> str:
    """An item of an array."""
    return f"States.ArrayGetItem({array}, {index})"


def split(path: str, separators: str) -> str:
    """The parts of a text between any of the separators."""
    return f"States.StringSplit({path}, {quoted(separators)})"


def array(values: Iterable[int]) -> str:
    """An array of numbers."""
    return f"States.Array({', '.join(map(json.dumps, values))})"


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[1]}"
