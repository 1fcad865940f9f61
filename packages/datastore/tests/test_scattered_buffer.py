"""Bytes that leave a pickle before they are in one place."""

import pickle
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import ChunkStore, MemoryStorage
from flowstone_datastore.blob_store import BlobStore, address_of_cut
from flowstone_datastore.pickling import dump
from flowstone_datastore.scattered_buffer import ScatteredBuffer, parts_of


def joined(buffer):
    """Its bytes."""
    return b"".join(parts_of(buffer))


@settings(deadline=None)
@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=4))
def test_scattered_bytes_are_stored_like_joined_ones(sizes):
    """Also those that are too many for one chunk."""
    parts = [random.Random(size).randbytes(size) for size in sizes]
    whole = b"".join(parts)
    scattered = ScatteredBuffer(len(whole), lambda: parts)
    blobs = BlobStore(ChunkStore(MemoryStorage()))
    assert blobs.put([scattered]) == blobs.put([memoryview(whole)])
    assert address_of_cut(scattered) == address_of_cut(memoryview(whole))


class Holder:
    """Pickles what it holds as scattered bytes."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return bytes, (ScatteredBuffer(len(self.data), lambda: (self.data[:1], self.data[1:])).token(),)


def test_a_pickler_hands_on_the_bytes_behind_a_token():
    """However few they are: the token itself means nothing."""
    stream, buffers = dump([Holder(b"few"), Holder(b"1" * 100_000)])
    assert [joined(buffer) for buffer in buffers] == [b"few", b"1" * 100_000]
    assert pickle.loads(b"".join(stream), buffers=[joined(buffer) for buffer in buffers]) == [
        b"few",
        b"1" * 100_000,
    ]


def test_what_a_pickler_offers_is_no_token():
    """Arrays and bytearrays leave the pickle as they are."""
    _, buffers = dump(pickle.PickleBuffer(bytearray(100_000)))
    assert isinstance(buffers[0], memoryview)
    assert ScatteredBuffer.behind(buffers[0]) is None
