"""Compressed where it pays."""

import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import ChunkStore, DamagedChunkError, FileStorage, MemoryStorage
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.compression import InvalidFrameError, compress, decompress, pays

TEXT = b"the same words again and again; " * 10_000
NOISE = random.Random(7).randbytes(320_000)


@given(st.binary(max_size=10_000))
def test_decompress_of_compress_is_the_bytes(data):
    """Nothing else may ever come out."""
    assert decompress(compress(memoryview(data)), len(data)) == data


def test_text_pays_and_noise_does_not():
    """A sample tells."""
    assert pays(memoryview(TEXT))
    assert not pays(memoryview(NOISE))
    assert not pays(memoryview(NOISE[:1000]))


def test_a_bomb_is_not_unpacked():
    """A small frame may claim to be huge."""
    bomb = zstandard.ZstdCompressor(19).compress(bytes(50_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(InvalidFrameError, match="50000000 bytes, where at most 1000"):
        decompress(bomb, 1000)


@given(st.binary(max_size=100))
def test_garbage_is_refused(data):
    """Whatever stands in the file."""
    with pytest.raises(InvalidFrameError):
        decompress(data, 10**9)


@pytest.mark.parametrize("make", [MemoryStorage, None])
def test_a_compressed_chunk_is_read_like_any(make, tmp_path):
    """Its address is that of the bytes, not of the file."""
    storage = make() if make else FileStorage(tmp_path)
    chunks = ChunkStore(storage)
    ref = chunks.put((TEXT,))
    assert storage.status(path_of(ref.address) + ".zst").size < len(TEXT) // 10
    assert chunks.get(ref.address, size=ref.size) == chunks.get(ref.address) == TEXT
    assert chunks.put((TEXT,)) == ref


def test_damage_of_a_compressed_chunk_never_gives_a_wrong_value(tmp_path):
    """It is an error, but for the few bits of a zstd header that mean nothing."""
    chunks = ChunkStore(FileStorage(tmp_path))
    ref = chunks.put((TEXT,))
    path = tmp_path / (path_of(ref.address) + ".zst")
    whole = path.read_bytes()
    found = 0
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert chunks.get(ref.address, size=ref.size) == TEXT
        except DamagedChunkError:
            found += 1
    assert found > 7.9 * len(whole)


def test_memory_that_will_be_mapped_is_not_compressed(tmp_path):
    """Mapping it is faster than any unpacking."""
    storage = FileStorage(tmp_path)
    ref = ChunkStore(storage).put((TEXT,), lead=b"")
    assert storage.status(path_of(ref.address)).size == len(TEXT)
