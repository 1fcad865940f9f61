"""Bytes that leave a pickle as one buffer, though they stand in several places, or must be made first.

A pickler only takes memory that is there and in one piece. It is given a token instead, and whoever gets the token
asks for the bytes when they are written: one after the other, so that never all of them are copied at once.
"""

from collections.abc import Callable, Sequence
from pickle import PickleBuffer

import attrs

from flowstone_datastore.storage import Buffer
from flowstone_interfaces.python_310 import Self


@attrs.frozen(eq=False)
class ScatteredBuffer:
    """Some bytes: how many, and how to get them."""

    nbytes: int
    parts: Callable[[], Sequence[Buffer]]
    """The bytes, in parts that follow each other. May be called more than once, from any thread."""
    whole: memoryview | None = None
    """The bytes, if they happen to lie side by side: as they do if they were loaded, and are stored again."""

    def token(self) -> PickleBuffer:
        """What stands for the bytes in a pickle; only a pickler that knows tokens may get it."""
        return PickleBuffer(_Token(self))

    @classmethod
    def behind(cls, memory: memoryview) -> Self | None:
        """What a token stands for; `None` if this is no token's memory."""
        return memory.obj.buffer if isinstance(memory.obj, _Token) else None  # type: ignore[return-value]


class _Token(bytearray):
    """Memory that a pickler hands on."""

    def __init__(self, buffer: ScatteredBuffer) -> None:
        super().__init__(1)
        self.buffer = buffer


Memory = memoryview | ScatteredBuffer
"""What leaves a pickle."""


def parts_of(memory: Memory) -> Sequence[Buffer]:
    """The bytes, in parts that follow each other."""
    return memory.parts() if isinstance(memory, ScatteredBuffer) else (memory,)


def in_one_piece(memory: Memory) -> Memory:
    """The memory itself, or that in which its bytes happen to lie side by side."""
    return memory.whole if isinstance(memory, ScatteredBuffer) and memory.whole is not None else memory
