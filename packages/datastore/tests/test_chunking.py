"""Where buffers are cut."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore.address import address_of
from flowstone_datastore.chunking import (
    LARGEST_AVERAGE,
    SMALLEST_AVERAGE,
    WHOLE_BYTES,
    average_of,
    cuts,
    first_cut,
)

RANDOM = random.Random(4711).randbytes(4_000_000)
FIRST_ENDS = [79159, 121485, 178315, 243527]


def chunks(data):
    """The addresses of a buffer's chunks, with their sizes."""
    view = memoryview(data)
    return {address_of(view[start:end]): end - start for start, end in cuts(view)}


@given(st.integers(0, 4_000_000))
def test_chunks_are_all_bytes_in_order(size):
    """A blob is its chunks, joined."""
    found = [*cuts(memoryview(RANDOM)[:size])]
    assert [start for start, _ in found] == [0, *[end for _, end in found[:-1]]][: len(found)]
    assert sum(end - start for start, end in found) == size


@given(st.integers(0, 2**50))
def test_the_average_is_a_power_of_two_in_bounds(size):
    """Only so does a buffer that grows a little keep its cuts."""
    average = average_of(size)
    assert SMALLEST_AVERAGE <= average <= LARGEST_AVERAGE
    assert average & (average - 1) == 0


def test_a_short_buffer_is_one_chunk():
    """Many small files cost more than they save."""
    assert [*cuts(memoryview(RANDOM)[:WHOLE_BYTES])] == [(0, WHOLE_BYTES)]
    assert [*cuts(memoryview(b""))] == []


@pytest.mark.parametrize("inserted", [1, 8, 4096, 5001])
@pytest.mark.parametrize("place", [0, 1_234_567, 3_999_999])
def test_what_stands_behind_an_insertion_is_cut_as_before(inserted, place):
    """That is what content-defined means: only the chunk with the insertion, or its neighbour, is new."""
    before = chunks(RANDOM)
    after = chunks(RANDOM[:place] + b"x" * inserted + RANDOM[place:])
    new = sum(size for address, size in after.items() if address not in before)
    assert new - inserted <= 6 * SMALLEST_AVERAGE


def test_the_cuts_are_those_of_the_format():
    """Another rule would store everything anew, and give equal values other addresses."""
    assert [end for _, end in cuts(memoryview(RANDOM)[:800_000])][:4] == FIRST_ENDS


def test_a_piece_that_begins_at_a_cut_is_cut_there_again():
    """Columns of texts are stored in such pieces, loaded, and stored again."""
    view = memoryview(RANDOM)
    end = first_cut(view, 65536)
    assert first_cut(view[:end], 65536) == end
    assert first_cut(view[:0], 65536) == 0
