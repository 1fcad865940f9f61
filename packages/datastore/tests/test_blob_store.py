"""Large memory: mapped, shared, the reader's own."""

import contextlib
import json
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import ChunkStore, DamagedChunkError, FileStorage, MemoryStorage
from flowstone_datastore.blob_store import BlobStore, address_of_cut
from flowstone_datastore.chunk_file import path_of

RANDOM = random.Random(4711).randbytes(3_000_000)


@pytest.fixture
def storage(tmp_path):
    """A folder."""
    return FileStorage(tmp_path)


def put(storage, data):
    """Store some bytes as a blob."""
    return BlobStore(ChunkStore(storage)).put([memoryview(data)])[0]


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 700_000), min_size=1, max_size=5), on_disk=st.booleans())
def test_get_of_put_is_the_bytes(sizes, on_disk, tmp_path_factory):
    """Mapped or read, aligned or not, in one chunk or in many."""
    storage = FileStorage(tmp_path_factory.mktemp("store")) if on_disk else MemoryStorage()
    blobs = BlobStore(ChunkStore(storage))
    pieces = [memoryview(RANDOM)[size : size * 2] for size in sizes]
    assert [bytes(blobs.get(blob, "x")) for blob in blobs.put(pieces)] == pieces


def test_a_blob_with_an_insertion_is_read_from_the_old_chunks(storage):
    """Their files have another distance from a page than the new place has: they are read, not mapped."""
    put(storage, RANDOM)
    changed = RANDOM[:1_000_003] + b"inserted" + RANDOM[1_000_003:]
    blob = put(storage, changed)
    assert bytes(BlobStore(ChunkStore(storage)).get(blob, "x")) == changed


def test_what_a_reader_changes_is_its_own(storage):
    """Neither the store nor another reader sees it."""
    blob = put(storage, RANDOM)
    reader = BlobStore(ChunkStore(storage, "always"))
    mine = memoryview(reader.get(blob, "x")).cast("B")
    mine[:] = bytes(len(mine))
    assert bytes(reader.get(blob, "x")) == RANDOM


def test_a_mapped_blob_outlives_its_files(storage, tmp_path):
    """A collector may delete a run while somebody still looks at its frame."""
    blob = put(storage, RANDOM)
    data = BlobStore(ChunkStore(storage)).get(blob, "x")
    for chunk in blob.chunks:
        (tmp_path / path_of(chunk.address)).unlink()
    assert bytes(data) == RANDOM


def test_readers_share_one_copy(storage, tmp_path):
    """Sixteen tasks that read one frame must not need sixteen times its memory."""
    if not os.path.exists("/proc/self/smaps_rollup"):  # noqa: PTH110 - a file of the system
        pytest.skip("needs Linux")
    size = 64 * 1024 * 1024
    blob = put(storage, random.Random(1).randbytes(size))
    program = (
        "import json, sys; from flowstone_datastore import *\n"
        "from flowstone_datastore.blob_store import BlobStore\n"
        "blob = Blob.from_json(json.loads(sys.argv[2]))\n"
        "data = BlobStore(ChunkStore(FileStorage(sys.argv[1]))).get(blob, 'x')\n"
        "total = sum(memoryview(data)[::4096])\n"
        "print(total, flush=True); input()\n"
        "with open('/proc/self/smaps_rollup') as rollup:\n"
        "    print([line for line in rollup if line.startswith('Pss:')][0].split()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", program, str(tmp_path), json.dumps(blob.to_json())]
    with contextlib.ExitStack() as running:
        readers = [
            running.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(8)
        ]
        assert len({reader.stdout.readline() for reader in readers}) == 1
        for reader in readers:  # all still hold their memory while each tells its part of it
            reader.stdin.write("\n")
            reader.stdin.flush()
        used = sum([int(reader.stdout.readline()) * 1024 for reader in readers])
    interpreters = 8 * 25_000_000
    assert used < 1.3 * size + interpreters


@pytest.mark.parametrize("verify", ["once", "always"])
def test_a_changed_bit_of_a_mapped_chunk_is_found(storage, tmp_path, verify):
    """Whatever wrote to the file broke its seal."""
    blob = put(storage, RANDOM)
    path = tmp_path / path_of(blob.chunks[3].address)
    data = bytearray(path.read_bytes())
    data[-1] ^= 16
    path.write_bytes(data)
    with pytest.raises(DamagedChunkError, match="part of Flow/1/start/1/x"):
        BlobStore(ChunkStore(storage, verify)).get(blob, "Flow/1/start/1/x")


def test_silent_rot_is_found_by_always(storage, tmp_path):
    """A disk that changes a bit does not change the time of the file."""
    blob = put(storage, RANDOM)
    path = tmp_path / path_of(blob.chunks[0].address)
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DamagedChunkError):
        BlobStore(ChunkStore(storage, "always")).get(blob, "x")


def test_a_file_of_the_wrong_length_is_damage(storage, tmp_path):
    """Also one whose seal would still hold."""
    blob = put(storage, RANDOM)
    path = tmp_path / path_of(blob.chunks[1].address)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DamagedChunkError, match="instead of"):
        BlobStore(ChunkStore(storage)).get(blob, "x")


def test_the_address_can_be_had_without_storing(storage):
    """Whether a value changed is told by it."""
    from flowstone_datastore.address import blob_address

    blob = put(storage, RANDOM)
    assert address_of_cut(memoryview(RANDOM)) == blob_address([chunk.address for chunk in blob.chunks])


def test_a_lead_does_not_depend_on_the_machine(storage, monkeypatch):
    """A folder may be read where pages are larger: there what does not fit is read, not refused."""
    from flowstone_datastore import mapping

    before = put(storage, RANDOM)
    assert all(storage.status(path_of(chunk.address)).size - chunk.size < 4096 for chunk in before.chunks)
    monkeypatch.setattr(mapping, "_PAGE", 65536)
    assert bytes(BlobStore(ChunkStore(storage)).get(before, "x")) == RANDOM


def test_small_blobs_come_back_each_in_its_place(storage):
    """They share a region; nothing of one may reach into the next."""
    blobs = BlobStore(ChunkStore(storage))
    pieces = [memoryview(RANDOM)[start : start + 70_001 + start] for start in range(0, 300_000, 1237)]
    stored = blobs.put(pieces)
    found = blobs.get_all(stored, "x")
    for data in found:
        before = bytes(data[:1])
        data[:1] = before
        data[-1:] = bytes(data[-1:])
    assert [bytes(data) for data in found] == pieces


def test_a_chunk_that_is_compressed_is_read_between_those_that_are_mapped(storage, tmp_path):
    """Another writer may have stored it first, as part of a stream."""
    from flowstone_datastore.compression import compress

    blob = put(storage, RANDOM)
    chunk = blob.chunks[2]
    file = tmp_path / path_of(chunk.address)
    data = file.read_bytes()[-chunk.size :]
    file.with_name(file.name + ".zst").write_bytes(compress(data))
    file.unlink()
    assert bytes(BlobStore(ChunkStore(storage)).get(blob, "x")) == RANDOM


def test_the_bytes_before_a_chunk_in_its_file_are_never_read(storage, tmp_path):
    """The page on which two chunks meet is mapped from one file and filled from the other."""
    blob = put(storage, RANDOM)
    for chunk in blob.chunks:
        file = tmp_path / path_of(chunk.address)
        data = file.read_bytes()
        file.write_bytes(b"\xff" * (len(data) - chunk.size) + data[-chunk.size :])
    store = BlobStore(ChunkStore(storage))
    assert bytes(store.get(blob, "x")) == RANDOM  # verifies and seals
    assert bytes(store.get(blob, "x")) == RANDOM
