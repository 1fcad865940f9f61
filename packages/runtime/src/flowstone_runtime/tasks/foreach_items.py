"""What a foreach runs over: how many items there are, and which is which.

Every task of a foreach finds its own item by position, perhaps in another process or on
another machine. So the items have positions that are the same everywhere: what has none
of its own (a set, whose order differs from process to process; a mapping; an iterable)
becomes a list once, where the foreach begins.
"""

from collections.abc import Sequence, Sized
from typing import Any


def in_positions(items: Any) -> Any:
    """`items` if it can be asked for the item at a position, else a list of what iterating over it gives.

    Of a mapping these are the keys, of a data frame the columns.

    Raises:
        TypeError: it has no items, or can be iterated over only once; the message says so.
    """
    if _has_positions(items):
        return items
    try:
        iterator = iter(items)
    except TypeError:
        raise TypeError(f"is a {type(items).__name__}, which has no items to run over; set a list") from None
    if iterator is items:
        raise TypeError("is an iterator, which can be run over only once; set list(...) of it")
    return list(iterator)


def _has_positions(items: Any) -> bool:
    # Arrays and data sets are no `Sequence` by declaration; what has `keys` is asked by key, not by position.
    is_subscriptable = hasattr(type(items), "__getitem__") and not hasattr(items, "keys")
    return isinstance(items, Sequence) or (is_subscriptable and _has_length(items))


def _has_length(items: Any) -> bool:
    try:
        return isinstance(items, Sized) and len(items) >= 0
    except TypeError:  # an array of no dimension
        return False
