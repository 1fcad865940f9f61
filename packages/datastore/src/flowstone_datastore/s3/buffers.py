"""Memory for what arrives: reserved once, in huge pages where the system has them."""

import mmap

_HUGE_FROM = 4 * 1024 * 1024


def new_buffer(size: int) -> memoryview:
    """Writable memory of so many bytes; it is given back when no view of it is left.

    Touching it for the first time costs half as much in huge pages.
    """
    if size < _HUGE_FROM:
        return memoryview(bytearray(size))
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:  # a kernel without them
            return memoryview(memory)
    return memoryview(memory)
