"""Chunk files -> one buffer, without a copy.

The pages of every file are mapped side by side, private and copy-on-write: processes that read the same chunks
share one copy in the page cache, and whoever writes to the buffer gets a page of its own.
A chunk that does not begin at the beginning of a page is mapped all the same if its file has it at the
same distance from one (the *lead*, see FORMAT.md); on the page on which two chunks meet, one of them is read.
"""

import ctypes
import mmap
import os
import sys
from functools import cache
from typing import Literal, TypeAlias

_PAGE = mmap.PAGESIZE

_MAP_FIXED = 0x10  # the same on Linux and macOS
_READ_WRITE = 1 | 2
_PRIVATE_FIXED = 2 | _MAP_FIXED
_FAILED = ctypes.c_void_p(-1).value

Seam: TypeAlias = Literal["free", "filled", "open"]
"""What holds of the page on which some bytes end: nothing follows them there; all of the page is right already,
their end included; or what follows them is right, and their end may have to be brought there."""


def can_map() -> bool:
    """Whether this system can; elsewhere, chunks are read."""
    return sys.platform in {"linux", "darwin"} and hasattr(mmap, "MAP_PRIVATE")


def pages(size: int) -> int:
    """The bytes of the pages that so many bytes need."""
    return -(-size // _PAGE) * _PAGE


class Region:
    """Anonymous memory for a blob or several, into which chunks are mapped or read, each at its place.

    Each blob begins at the beginning of a page.
    """

    def __init__(self, size: int) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self._memory = mmap.mmap(-1, size, flags=flags)
        self.view = memoryview(self._memory)
        """All of it, writable; who holds a part of it keeps all of it alive."""
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._map = _library_map()

    def map_from_end(self, descriptor: int, lead: int, start: int, end: int, seam: Seam) -> bool:
        """As `fill`, in one system call or two, for who fills a blob from its end to its beginning.

        False, and no change, if the file cannot be mapped there. The page that the bytes share with those before
        them is mapped, lead and all: who fills those next writes their end there only if the lead is something
        else, so as a rule that page is shared with other processes, too.

        Raises:
            OSError: the file could not be read.
        """
        first = start - start % _PAGE
        last = -(-end // _PAGE) * _PAGE if seam == "free" else end - end % _PAGE
        if lead != start - first or first >= last:
            return False
        found = self._map(self._start + first, last - first, _READ_WRITE, _PRIVATE_FIXED, descriptor, 0)
        if found == _FAILED:
            return False  # a process may have 65,530 mappings
        if last < end and seam == "open":
            rest = os.pread(descriptor, end - last, last - first)
            if bytes(self.view[last:end]) != rest:
                _read(descriptor, self.view[last:end], last - first)
        return True

    def fill(self, descriptor: int, lead: int, start: int, end: int) -> None:
        """Put a file's bytes from `lead` on at `start` to `end` of the region, mapped where that is possible.

        Raises:
            OSError: the file could not be read.
        """
        first, last = -(-start // _PAGE) * _PAGE, end // _PAGE * _PAGE
        if (lead - start) % _PAGE or first >= last or not self._map_pages(descriptor, lead, start, first, last):
            _read(descriptor, self.view[start:end], lead)
            return
        if start < first:
            _read(descriptor, self.view[start:first], lead)
        if last < end:
            _read(descriptor, self.view[last:end], lead + last - start)

    def _map_pages(self, descriptor: int, lead: int, start: int, first: int, last: int) -> bool:
        found = self._map(
            self._start + first,
            last - first,
            _READ_WRITE,
            _PRIVATE_FIXED,
            descriptor,
            lead + first - start,
        )
        return bool(found != _FAILED)


def _read(descriptor: int, target: memoryview, offset: int) -> None:
    while target.nbytes:
        count = os.preadv(descriptor, [target], offset)
        if not count:
            raise OSError(0, "the file is shorter than it was a moment ago")
        target, offset = target[count:], offset + count


@cache
def _library_map() -> "ctypes._NamedFuncPointer":
    """The system's `mmap`: Python's own cannot place a file at an address."""
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    return function
