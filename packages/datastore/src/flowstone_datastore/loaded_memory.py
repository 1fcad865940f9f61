"""Memory that was mapped from chunks and not written to since: it need not be hashed to be known again.

A step that loads a frame and changes one column stores the frame anew. All that it did not touch is still the
pages of the chunk files, and the kernel says so: in `/proc/self/pagemap` (Linux, admin-guide/mm/pagemap), bit 63
of an entry is set for a page that is there, 62 for one that was swapped out, 61 for one that belongs to a file. A
private page that was written to belongs to no file any more.
"""

import ctypes
import mmap
import os
import sys
import weakref
from array import array
from collections.abc import Mapping, Sequence

import attrs

from flowstone_datastore.artifact import ChunkRef
from flowstone_interfaces.python_310 import Self

_PAGE = mmap.PAGESIZE
_ENTRY_BYTES = 8
_PRESENT, _SWAPPED, _OF_FILE = 0x80, 0x40, 0x20
"""Of the highest byte of an entry."""
_WRITTEN = b"\1"
_STATES = bytes([bool(b & _SWAPPED or (b & _PRESENT and not b & _OF_FILE)) for b in range(256)])
"""1 for a page that may have been written to: it has memory of its own."""
_NOTHING: Mapping[int, ChunkRef] = {}


@attrs.frozen
class PackedChunks:
    """A list of chunks in a sixth of the memory, for readers of which there are many."""

    sizes: "array[int]"
    digests: bytes

    @classmethod
    def of(cls, chunks: Sequence[ChunkRef]) -> Self:
        """Pack them."""
        sizes = array("Q", [chunk.size for chunk in chunks])
        return cls(sizes, bytes.fromhex("".join([chunk.address for chunk in chunks])))

    @property
    def chunks(self) -> list[ChunkRef]:
        """Unpack them."""
        digests = self.digests
        addresses = [digests[at : at + 32].hex() for at in range(0, len(digests), 32)]
        return [*map(ChunkRef, addresses, self.sizes)]


class LoadedMemory:
    """Which memory of this process holds which chunks, for as long as it is mapped.

    May be used from any thread, and after a fork.
    """

    def __init__(self) -> None:
        self._blobs: dict[tuple[int, int], PackedChunks] = {}
        """By address and size."""

    def note(self, memory: memoryview, chunks: PackedChunks) -> None:
        """A blob's chunks, cut by the rule of `chunking`, were brought here; no matter if it is no mapping."""
        if isinstance(memory.obj, mmap.mmap) and sys.platform.startswith("linux"):
            key = (address_in_memory(memory), memory.nbytes)
            self._blobs[key] = chunks
            weakref.finalize(memory.obj, self._blobs.pop, key, None).atexit = False

    def untouched(self, memory: memoryview) -> Mapping[int, ChunkRef]:
        """The chunks in this memory that nobody has written to, by where they begin.

        Of memory that is no loaded blob, or a part of one, none.
        """
        if not self._blobs:
            return _NOTHING
        start = address_in_memory(memory)
        packed = self._blobs.get((start, memory.nbytes))
        written = None if packed is None else _written_pages(start, memory.nbytes)
        if packed is None or written is None:
            return _NOTHING
        found = {}
        at = 0
        for chunk in packed.chunks:
            end = at + chunk.size
            if written.find(_WRITTEN, at // _PAGE, -(-end // _PAGE)) < 0:
                found[at] = chunk
            at = end
        return found


def _written_pages(start: int, size: int) -> bytes | None:
    """For each page of some memory: 0 if it certainly was not written to; `None` if nobody says."""
    count = -(-size // _PAGE) * _ENTRY_BYTES
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as file:  # noqa: PTH123 - as cheap as can be
            entries = os.pread(file.fileno(), count, start // _PAGE * _ENTRY_BYTES)
    except OSError:  # not every kernel, or container, has it
        return None
    highest = entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES] if sys.byteorder == "little" else entries[::_ENTRY_BYTES]
    return highest.translate(_STATES) if len(entries) == count else None


class _View(ctypes.Structure):
    """`Py_buffer` (Python/C API, buffer protocol)."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


def address_in_memory(memory: memoryview) -> int:
    """Where contiguous memory begins. ctypes itself says that of writable memory only."""
    view = _View()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(memory), ctypes.byref(view), 0)
    start = int(view.buf or 0)
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))
    return start
