"""A set -> what pickles in an order that every process agrees on.

The hashes of texts differ from process to process, and with them the order of a set: pickled as it is, one value
would have as many streams as processes, and as many addresses and chunks.
"""

from typing import Any

_PLAIN = frozenset((str, bytes, int, bool))
"""Types whose instances have one order, and are the same in a pickle if they are equal."""


class InOrder:
    """What pickles as a set of these items, in this order."""

    def __init__(self, kind: type, items: list[Any]) -> None:
        self._kind = kind
        self._items = items

    def __reduce__(self) -> Any:
        return self._kind, (self._items,)


def in_order(value: Any) -> Any:
    """`value`, or what pickles to it sorted: a set of texts, of bytes, of integers or of floats, of any size."""
    if type(value) not in (set, frozenset):
        return value
    kinds = set(map(type, value))
    if len(kinds) != 1:
        return value
    (kind,) = kinds
    if kind in _PLAIN:
        return InOrder(type(value), sorted(value))
    if kind is float:  # by their bits: nan is neither smaller nor larger
        import struct

        return InOrder(type(value), sorted(value, key=struct.Struct(">d").pack))
    return value
