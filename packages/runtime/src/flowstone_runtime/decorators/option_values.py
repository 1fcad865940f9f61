"""Options of decorators as plain values: converters that take numbers as text, too, as `--with` gives them.

What they refuse is a `ValueError` that says what is wrong with the value; whose value it is, is told by who asks.
"""

from typing import Any

_WORDS = {"true": True, "false": False, "1": True, "0": False}


def number(value: Any) -> float:
    """A number."""
    try:
        converted = value if isinstance(value, int | float) else float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no number") from None
    if isinstance(value, bool) or converted != converted:  # noqa: PLR0124 - only "nan" is not itself
        raise ValueError(f"{value!r} is no number")
    return converted


def not_negative(value: Any) -> float:
    """A number from 0."""
    converted = number(value)
    if converted < 0:
        raise ValueError(f"{value!r} is negative; it must be a number from 0")
    return converted


def whole_number(value: Any) -> int:
    """A whole number from 0."""
    converted = not_negative(value)
    if converted % 1:
        raise ValueError(f"{value!r} is no whole number")
    return int(converted)


def boolean(value: Any) -> bool:
    """A truth value; words count."""
    known = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
    if known is None:
        raise ValueError(f"{value!r} is neither true nor false")
    return known
