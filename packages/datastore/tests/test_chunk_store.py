import os

import pytest

from flowstone_datastore import (
    ChunkStore,
    DamagedChunkError,
    FileStorage,
    InvalidAddressError,
    InvalidVerifyError,
    MemoryStorage,
    MissingChunkError,
    address_of,
)
from flowstone_datastore.chunk_file import path_of

DATA = bytes(range(256)) * 4


def chunk_file(tmp_path, address):
    return tmp_path / path_of(address)


@pytest.fixture(params=["file", "memory"])
def storage(request, tmp_path):
    return FileStorage(tmp_path) if request.param == "file" else MemoryStorage()


def test_a_chunk_comes_back(storage):
    """In memory that the caller may change."""
    chunks = ChunkStore(storage)
    ref = chunks.put((DATA[:10], memoryview(DATA)[10:]))
    data = chunks.get(ref.address)
    assert (data, ref.size, ref.address) == (DATA, len(DATA), address_of(DATA))
    data[0] ^= 1
    assert chunks.get(ref.address) == DATA


def test_equal_bytes_are_written_once(tmp_path):
    """The point of it all."""
    chunks = ChunkStore(FileStorage(tmp_path))
    ref = chunks.put((DATA,))
    before = chunk_file(tmp_path, ref.address).stat()
    assert chunks.put((DATA[:1], DATA[1:])) == ref
    after = chunk_file(tmp_path, ref.address).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("verify", ["always", "once"])
def test_every_flipped_bit_is_found(storage, verify):
    """Corruption is an error that names the chunk and what it is part of, never a wrong value."""
    chunks = ChunkStore(storage, verify)
    small = DATA[:32]
    ref = chunks.put((small,))
    for bit in range(len(small) * 8):
        damaged = bytearray(small)
        damaged[bit // 8] ^= 1 << bit % 8
        storage.write(path_of(ref.address), damaged)
        with pytest.raises(
            DamagedChunkError, match=f"{ref.address}, part of Flow/1/a/2/x, in .* is damaged"
        ) as caught:
            chunks.get(ref.address, artifact="Flow/1/a/2/x")
        assert caught.value.address == ref.address
    storage.write(path_of(ref.address), small)
    assert chunks.get(ref.address) == small


@pytest.mark.parametrize("verify", ["always", "once", "never"])
def test_a_chunk_of_the_wrong_length_is_found(storage, verify):
    """A power cut leaves files empty; the length is known without a hash."""
    chunks = ChunkStore(storage, verify)
    ref = chunks.put((DATA,))
    storage.write(path_of(ref.address), b"")
    with pytest.raises(DamagedChunkError):
        chunks.get(ref.address, size=ref.size)


def test_a_chunk_of_the_wrong_length_is_written_again(storage):
    """Running the same flow again heals what a power cut tore."""
    chunks = ChunkStore(storage)
    ref = chunks.put((DATA,))
    storage.write(path_of(ref.address), DATA[:5])
    chunks.put((DATA,))
    assert chunks.get(ref.address) == DATA


def test_once_looks_again_when_the_file_changed(tmp_path):
    """Whatever touches a file changes its identity."""
    chunks = ChunkStore(FileStorage(tmp_path), "once")
    ref = chunks.put((DATA,))
    chunks.get(ref.address)
    with chunk_file(tmp_path, ref.address).open("r+b") as file:
        file.write(b"\xff")
    with pytest.raises(DamagedChunkError):
        chunks.get(ref.address)


@pytest.mark.parametrize(("verify", "is_found"), [("always", True), ("once", False), ("never", False)])
def test_silent_rot_is_found_only_by_always(tmp_path, verify, is_found):
    """What `once` saves, and what it costs."""
    chunks = ChunkStore(FileStorage(tmp_path), verify)
    ref = chunks.put((DATA,))
    chunks.get(ref.address)
    file = chunk_file(tmp_path, ref.address)
    status = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"\xff")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    if is_found:
        with pytest.raises(DamagedChunkError):
            chunks.get(ref.address)
    else:
        assert chunks.get(ref.address) != DATA


def test_a_missing_chunk_is_named(storage):
    """Collected, or another store."""
    address = address_of(b"never stored")
    with pytest.raises(MissingChunkError, match=address):
        ChunkStore(storage).get(address)


def test_only_addresses_become_paths(storage):
    """A record may be hostile."""
    with pytest.raises(InvalidAddressError):
        ChunkStore(storage).get("../../etc/passwd")


def test_verify_has_three_words(storage):
    """A typo must not mean never."""
    with pytest.raises(InvalidVerifyError, match="'always', 'once', 'never'"):
        ChunkStore(storage, "sometimes")
