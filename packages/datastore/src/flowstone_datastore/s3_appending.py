"""Appending to objects of a service that only knows whole ones.

The one writer of an object remembers what it wrote and writes it again, longer, as long as it is small. An
object that reaches `FULL_BYTES` is full: what follows stands in a next object, `<key>~00000001`, and so on.
So an append costs one request, and the bytes sent are linear in the length of the whole with a small factor.

A reader goes on to the next part exactly if a part is full. What goes into next parts is therefore
written before the part that it follows is made full, the last one first: an append becomes visible
at once, or not at all. Behind a full part there always is a next one, if only an empty one, so that what a
killed writer left there is never taken for content.
"""

import re
from collections.abc import Callable
from typing import Protocol

import attrs

from flowstone_datastore.storage import Buffer

FULL_BYTES = 262_139
"""Where a part is full: the largest prime below 256 KiB, so that hardly any other object has just this size."""

PART_NAME = re.compile(r"~[0-9]{8}\Z")
"""How the names of parts end, but the first one's."""

_MOST_REMEMBERED = 64  # of up to 256 KiB each; a path beyond is read again when it is appended to


def part_key(key: str, index: int) -> str:
    """The key of a part: the first, 0, has the object's own.

    >>> part_key("journal/local.jsonl", 1)
    'journal/local.jsonl~00000001'
    """
    return f"{key}~{index:08d}" if index else key


@attrs.frozen
class Tail:
    """The last part of an object, which is not full unless nobody appended to it yet."""

    index: int
    content: bytes


class _Create(Protocol):
    """Write the first part if there is none; `False` if there is."""

    def __call__(self, key: str, data: bytes) -> bool: ...


class Appender:
    """Appends to the objects of one store, of which it is the only writer. For any thread, one per object."""

    def __init__(self, create: _Create, put: Callable[[str, Buffer], object], load: Callable[[str], Tail]) -> None:
        self._create = create
        self._put = put
        self._load = load
        # A dict of immutable values; each operation on it is atomic, so that no lock can be held across a fork.
        self._tails: dict[str, Tail] = {}

    def append(self, key: str, data: bytes) -> int:
        """Add to the end of an object, making it if there is none; where the addition begins.

        If it raises, nothing is remembered: the next append looks at what is there.
        """
        tail = self._tails.pop(key, None)
        if tail is None:
            if len(data) < FULL_BYTES and self._create(key, data):
                self._remember(key, Tail(0, data))
                return 0
            tail = self._load(key)
        start = tail.index * FULL_BYTES + len(tail.content)
        self._remember(key, self._extend(key, tail, data) if data or start == 0 else tail)
        return start

    def forget(self, key: str) -> None:
        """The object is no longer what was appended to it."""
        self._tails.pop(key, None)

    def _extend(self, key: str, tail: Tail, data: bytes) -> Tail:
        content = tail.content + data
        cut = [content[at : at + FULL_BYTES] for at in range(0, len(content) + 1, FULL_BYTES)]
        for offset in reversed(range(len(cut))):
            self._put(part_key(key, tail.index + offset), cut[offset])
        return Tail(tail.index + len(cut) - 1, cut[-1])

    def _remember(self, key: str, tail: Tail) -> None:
        self._tails[key] = tail
        while len(self._tails) > _MOST_REMEMBERED:
            self._tails.pop(next(iter(list(self._tails))), None)
