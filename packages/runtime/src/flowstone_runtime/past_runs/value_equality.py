"""Whether two values are equal, of whatever types: numbers, arrays, frames."""

from collections.abc import Mapping
from typing import Any


def are_equal(one: Any, other: Any) -> bool:
    """True if both are of one type and say that they are equal; NaN is equal to NaN.

    >>> are_equal([1.0, float("nan")], [1.0, float("nan")]), are_equal(1, 1.0), are_equal({"a": [1]}, {"a": [2]})
    (True, False, False)
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(are_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(are_equal, one, other))
    if callable(equals := getattr(one, "equals", None)):  # frames and Arrow tables
        return bool(equals(other))
    if hasattr(one, "shape") and hasattr(one, "dtype"):
        return bool(one.shape == other.shape and one.dtype == other.dtype and _all(one, other))
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN


def _all(one: Any, other: Any) -> bool:
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN
