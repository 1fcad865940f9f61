"""Cutting a buffer of which most was cut before, without looking for the cuts again.

Where a chunk ends depends only on the bytes from its beginning on. So if the chunk that followed last time is
found here too, as its address tells, it ends where it ended then: what would be computed anyway, the address,
replaces what would be searched. Nothing is taken on trust, and the result is that of cutting anew.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from flowstone_datastore.address import address_of
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.chunking import WHOLE_BYTES, average_of, cuts_from, first_cut
from flowstone_datastore.loaded_memory import PackedChunks

_MOST_KNOWN = 1 << 15
"""So many chunks are remembered, of about 300 bytes each."""
_HEAD_BYTES = 512
"""A buffer is known again by so many bytes of its beginning."""
_MOST_UNKNOWN = 16
"""After so many chunks in a row that nobody knows, the rest is cut without asking: a tenth of a buffer or more."""

_MOST_WAITING = 256
"""So many buffers that were loaded are kept in mind until something is cut."""

_NOTHING: Mapping[int, ChunkRef] = {}

_Key: TypeAlias = "tuple[int, str | bytes]"


@attrs.frozen
class Cut:
    """Where a chunk of a buffer begins and ends."""

    start: int
    end: int
    address: str | None
    """The address of its bytes, if it had to be computed."""


@attrs.frozen
class _Next:
    size: int
    address: str
    is_last: bool
    """It ended because the buffer did."""


@attrs.frozen
class _Waiting:
    """What was loaded and may be cut one day."""

    size: int
    head: bytes
    packed: PackedChunks


class KnownCuts:
    """Which chunk followed which, in buffers that were cut lately.

    May be used from any thread, and after a fork.
    """

    def __init__(self, most: int = _MOST_KNOWN) -> None:
        self._most_young = max(1, most // 2)
        # Two generations, the older of which is dropped as a whole. Each access is one operation on a dict, so
        # there is no lock that a fork could leave held; what threads lose of each other is cut anew.
        self._young: dict[_Key, _Next] = {}
        self._old: dict[_Key, _Next] = {}
        self._waiting: deque[_Waiting] = deque(maxlen=_MOST_WAITING)

    def cut(self, buffer: memoryview, kept: Mapping[int, ChunkRef] = _NOTHING) -> Iterator[Cut]:
        """The chunks of a buffer: the same as `chunking.cuts` finds.

        `kept` are chunks that were found in this very buffer when it had the same size, and are still there, by
        where they begin.
        """
        self._note_waiting()
        average = average_of(buffer.nbytes)
        start = 0
        if buffer.nbytes > WHOLE_BYTES:
            before: str | bytes = bytes(buffer[:_HEAD_BYTES])
            unknown = 0 if kept or self._next(average, before) else _MOST_UNKNOWN
            while start < buffer.nbytes and unknown < _MOST_UNKNOWN:
                cut = _kept(start, kept) or self._expected(buffer, start, self._next(average, before))
                unknown = 0 if cut else unknown + 1
                if cut is None:
                    end = start + first_cut(buffer[start:], average)
                    cut = Cut(start, end, address_of(buffer[start:end]))
                yield cut
                start, before = cut.end, cut.address or b""
        for begin, end in cuts_from(buffer, start):
            cut = _kept(begin, kept)
            yield cut if cut is not None and cut.end == end else Cut(begin, end, None)

    def remember(self, buffer: memoryview, chunks: Sequence[ChunkRef]) -> None:
        """A buffer was cut into these chunks, by the rule of `chunking`."""
        if buffer.nbytes > WHOLE_BYTES:
            self._note(buffer.nbytes, bytes(buffer[:_HEAD_BYTES]), chunks)

    def remember_later(self, buffer: memoryview, packed: PackedChunks) -> None:
        """As `remember`, for who may never cut anything: loading should not wait for it."""
        if buffer.nbytes > WHOLE_BYTES:
            self._waiting.append(_Waiting(buffer.nbytes, bytes(buffer[:_HEAD_BYTES]), packed))

    def _note(self, size: int, head: bytes, chunks: Sequence[ChunkRef]) -> None:
        average = average_of(size)
        before: str | bytes = head
        for chunk in chunks:
            if len(self._young) >= self._most_young:
                self._old, self._young = self._young, {}
            self._young[average, before] = _Next(chunk.size, chunk.address, chunk is chunks[-1])
            before = chunk.address

    def _note_waiting(self) -> None:
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._waiting:
                waiting = self._waiting.popleft()
                self._note(waiting.size, waiting.head, waiting.packed.chunks)

    def _next(self, average: int, before: str | bytes) -> _Next | None:
        key = (average, before)
        return self._young.get(key) or self._old.get(key)

    def _expected(self, buffer: memoryview, start: int, expected: _Next | None) -> Cut | None:
        """The cut that was made here before, if the bytes up to it are the same."""
        if expected is None:
            return None
        end = start + expected.size
        if end > buffer.nbytes or (expected.is_last and end != buffer.nbytes):
            return None
        is_same = address_of(buffer[start:end]) == expected.address
        return Cut(start, end, expected.address) if is_same else None


def _kept(start: int, kept: Mapping[int, ChunkRef]) -> Cut | None:
    chunk = kept.get(start)
    return None if chunk is None else Cut(start, start + chunk.size, chunk.address)
