"""A buffer -> chunks, cut where its content says.

A cut that depends on the bytes around it moves with them: what stands behind an insertion
is cut as before, and is stored already. The same bytes are always cut the same way, whoever
stores them, so equal buffers have equal lists of chunks.

The cuts are those of FastCDC 2020 (Xia et al., "The Design of Fast Content-Defined Chunking for Data
Deduplication Based Storage Systems", IEEE TPDS 31, 2020), as pyfastcdc and the Rust crate fastcdc make them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

RULE = "fastcdc2020-120"
"""The name of what this module does, as FORMAT.md has it; another rule gets another name."""
SMALLEST_AVERAGE = 32 * 1024
"""Bytes. For less, a file for each chunk costs more than the bytes that it saves."""
WHOLE_BYTES = 512 * 1024
"""A buffer of up to so many bytes is one chunk."""
LARGEST_AVERAGE = 4 * 1024 * 1024
"""Bytes. The most that pyfastcdc takes."""

_FEWEST_CHUNKS = 120
"""About so many chunks a large buffer has at least, each a file that a reader opens. With fewer,
overwriting a hundredth of a frame, which stores a chunk more at each of its ends, costs over three hundredths."""


def average_of(size: int) -> int:
    """Which average a buffer of `size` bytes is cut with: a power of two.

    In steps, so that a buffer that grows keeps its cuts; one that has doubled is stored anew once.

    >>> average_of(1), average_of(20_000_000), average_of(10**12)
    (32768, 131072, 4194304)
    """
    most = max(SMALLEST_AVERAGE, min(LARGEST_AVERAGE, size // _FEWEST_CHUNKS))
    return 1 << (most.bit_length() - 1)


def cuts(buffer: memoryview) -> Iterator[tuple[int, int]]:
    """Where each chunk of a buffer begins and ends: all its bytes, in order, none twice.

    An empty buffer has none.
    """
    return cuts_from(buffer, 0)


def cuts_from(buffer: memoryview, begin: int) -> Iterator[tuple[int, int]]:
    """As `cuts`, of a buffer whose chunks before `begin`, where one of them ends, are known."""
    if buffer.nbytes <= WHOLE_BYTES:
        if begin < buffer.nbytes:
            yield begin, buffer.nbytes
        return
    for chunk in _chunker(average_of(buffer.nbytes)).cut_buf(buffer[begin:]):
        yield begin + chunk.offset, begin + chunk.offset + chunk.length


def first_cut(buffer: memoryview, average: int, largest: int | None = None) -> int:
    """Where the first chunk of a buffer ends that is cut with this average; `largest` is the most it may have."""
    return next(iter(_chunker(average, largest).cut_buf(buffer))).length if buffer.nbytes else 0


def _chunker(average: int, largest: int | None = None) -> "FastCDC":
    from pyfastcdc import FastCDC

    largest = average * 4 if largest is None else largest
    return FastCDC(average, min_size=average // 4, max_size=largest, normalized_chunking=1, seed=0)
