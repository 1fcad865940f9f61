"""Memory for what arrives: reserved once, in huge pages where the system has them."""

import contextlib
import mmap

_HUGE_FROM = 4 * 1024 * 1024


def new_buffer(size: int) -> memoryview:
    """Writable memory of so many bytes; it is given back when no view of it is left.

    Touching it for the first time costs half as much in huge pages.
    """
    return memoryview(bytearray(size) if size < _HUGE_FROM else reserved(size, is_filled=True))


def reserved(size: int, *, is_filled: bool) -> mmap.mmap:
    """Memory of which only the pages that are written to are used; `is_filled` if most of them will be."""
    # Not Python's default, memory that is shared with forks: that has no huge pages.
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if is_filled and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
