import logging
import mmap
import os
import random
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import pytest

from flowstone_datastore import FileStorage, MemoryStorage, ObjectNotFoundError
from flowstone_datastore.address import address_of
from flowstone_datastore.chunk_cache import CachedStorage
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.testing import StorageContract


class Counting(MemoryStorage):
    """A far storage that counts how often it is read."""

    def __init__(self):
        super().__init__()
        self.reads = []

    def read(self, path, start=0, length=None):
        self.reads.append(path)
        return super().read(path, start, length)


def chunk(number, size=1000):
    data = random.Random(number).randbytes(size)
    return path_of(address_of(data)), data


def filled(far, count, size=1000):
    chunks = [chunk(number, size) for number in range(count)]
    for path, data in chunks:
        far.write(path, data)
    return chunks


def cached_bytes(folder):
    return sum([path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()])


class TestCachedStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return CachedStorage(MemoryStorage(), tmp_path / "cache", 1_000_000)


class TestCachedS3Storage(StorageContract):
    @pytest.fixture
    def storage(self, s3_url, tmp_path):
        from flowstone_datastore.s3_storage import S3Storage

        return CachedStorage(S3Storage.from_url(s3_url), tmp_path / "cache", 1_000_000)


def test_a_chunk_is_fetched_once(tmp_path):
    """That is what it is for."""
    far = Counting()
    [(path, data)] = filled(far, 1)
    for _ in range(3):
        assert CachedStorage(far, tmp_path / "cache", 100_000).read(path) == data
    assert far.reads == [path]


def test_a_chunk_that_was_written_is_not_fetched(tmp_path):
    """The next task on this machine reads what this one wrote."""
    far = Counting()
    path, data = chunk(1)
    storage = CachedStorage(far, tmp_path / "cache", 100_000)
    assert storage.write_new(path, data)
    assert storage.read(path) == data
    assert storage.read(path, 10, 20) == data[10:30]
    assert far.reads == []


def test_only_chunks_are_kept(tmp_path):
    """Everything else changes."""
    far = Counting()
    storage = CachedStorage(far, tmp_path / "cache", 100_000)
    for content in (b"1", b"2"):
        storage.write("runs/F/1/claim.json", content)
        assert storage.read("runs/F/1/claim.json") == content
    assert not (tmp_path / "cache").exists()


def test_the_cache_stays_within_its_bytes(tmp_path):
    """A disk is shared with others."""
    far = Counting()
    storage = CachedStorage(far, tmp_path / "cache", 50_000)
    for path, data in filled(far, 200):
        assert storage.read(path) == data
        assert cached_bytes(tmp_path / "cache") <= 50_000
    assert cached_bytes(tmp_path / "cache") > 40_000


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    """What everybody reads should stay."""
    now = [1_000_000_000.0]
    far = Counting()
    chunks = filled(far, 40)
    storage = CachedStorage(far, tmp_path / "cache", 20_000, clock=lambda: now[0])
    favorite = chunks[0][0]
    for path, data in chunks:
        now[0] += 100
        assert storage.read(path) == data
        file = tmp_path / "cache" / path
        os.utime(file, (now[0], file.stat().st_mtime))
        storage.read(favorite)
    assert far.reads.count(favorite) == 1


def test_using_a_chunk_does_not_change_when_it_was_written(tmp_path):
    """Whoever verified the file knows it again by that."""
    far = Counting()
    [(path, _)] = filled(far, 1)
    now = [2_000_000_000.0]
    storage = CachedStorage(far, tmp_path / "cache", 20_000, clock=lambda: now[0])
    storage.read(path)
    file = tmp_path / "cache" / path
    os.utime(file, ns=(1, 123_456_789))
    storage.read(path)
    assert file.stat().st_mtime_ns == 123_456_789
    assert file.stat().st_atime >= 1_999_999_999


def test_a_chunk_that_is_too_large_is_not_kept(tmp_path):
    """It would push everything else out, and soon go itself."""
    far = Counting()
    chunks = filled(far, 3)
    large_path, large = chunk(9, 15_000)
    far.write(large_path, large)
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    for path, _ in chunks:
        storage.read(path)
    assert storage.read(large_path) == large
    assert storage.cached_file(large_path) is None
    assert cached_bytes(tmp_path / "cache") == 3000


def test_a_cached_chunk_can_be_mapped_and_outlives_its_eviction(tmp_path):
    """Workers share the pages; a value must not change under whoever reads it."""
    far = Counting()
    [(path, data)] = filled(far, 1)
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    storage.read(path)
    with storage.cached_file(path) as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        storage.forget(path)
        assert not (tmp_path / "cache" / path).exists()
        assert mapped[:] == data


def test_a_missing_chunk_is_missing(tmp_path):
    """The cache does not hide it."""
    storage = CachedStorage(MemoryStorage(), tmp_path / "cache", 20_000)
    for read in (storage.read, storage.fetch, storage.status):
        with pytest.raises(ObjectNotFoundError):
            read(chunk(1)[0])


@pytest.mark.parametrize("damage", [b"", b"something else", None])
def test_a_damaged_file_is_forgotten(tmp_path, damage):
    """Whoever verifies says so, and gets the right bytes."""
    far = Counting()
    [(path, data)] = filled(far, 1)
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    storage.read(path)
    (tmp_path / "cache" / path).write_bytes(data[:-1] if damage is None else damage)
    assert storage.read(path) != data
    storage.forget(path)
    assert storage.read(path) == data


def test_a_damaged_file_that_cannot_be_removed_is_not_read_again(tmp_path, monkeypatch):
    """A folder may be read-only for whoever finds the damage."""
    far = Counting()
    [(path, data)] = filled(far, 1)
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    storage.read(path)
    (tmp_path / "cache" / path).write_bytes(b"damage")

    def refuse(file):
        raise PermissionError(13, "no", file)

    monkeypatch.setattr(os, "unlink", refuse)
    storage.forget(path)
    assert storage.read(path) == data


def test_a_deleted_chunk_leaves_the_cache(tmp_path):
    """Who collects it here should not find it again."""
    far = Counting()
    [(path, _)] = filled(far, 1)
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    storage.read(path)
    storage.delete(path)
    with pytest.raises(ObjectNotFoundError):
        storage.read(path)


def test_a_folder_that_cannot_be_written_means_no_cache_and_one_warning(tmp_path, caplog):
    """A cache may make things faster, never make them fail."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    far = Counting()
    storage = CachedStorage(far, tmp_path / "cache", 20_000)
    with caplog.at_level(logging.WARNING):
        for path, data in filled(far, 3):
            assert storage.read(path) == data
            assert storage.read(path) == data
            assert storage.cached_file(path) is None
    assert len(caplog.records) == 1
    assert str(tmp_path / "cache") in caplog.text


def test_what_killed_processes_left_is_removed(tmp_path):
    """Else the folder would grow beyond its bytes."""
    far = Counting()
    leftover = tmp_path / "cache/tmp/leftover"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"1" * 1000)
    os.utime(leftover, (1, 1))
    storage = CachedStorage(far, tmp_path / "cache", 10_000)
    for path, _ in filled(far, 12):
        storage.read(path)
    assert not leftover.exists()


def _fill(far_root, folder, paths, seed, errors):
    far = FileStorage(far_root)
    storage = CachedStorage(far, folder, 60_000)
    order = random.Random(seed)
    for _ in range(300):
        path = order.choice(paths)
        if order.random() < 0.5:
            data = storage.read(path)
        else:
            file = storage.cached_file(path)
            if file is None:
                continue
            with file:
                data = file.readall()
        if not path.endswith(address_of(data)):
            errors.put(path)
    errors.put(None)


def test_processes_fill_and_evict_at_once(tmp_path):
    """Sixteen tasks of one machine share a cache that is smaller than what they read."""
    far = FileStorage(tmp_path / "far")
    paths = [path for path, _ in filled(far, 100)]
    context = get_context("fork")
    errors = context.SimpleQueue()
    children = [
        context.Process(target=_fill, args=(tmp_path / "far", tmp_path / "cache", paths, seed, errors))
        for seed in range(6)
    ]
    for child in children:
        child.start()
    assert [errors.get() for _ in children] == [None] * 6
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 6
    assert 0 < cached_bytes(tmp_path / "cache") <= 60_000 * (1 + 6 / 32)
    errors.close()


def test_threads_fill_and_evict_at_once(tmp_path):
    """A storage may be used from any thread."""
    far = Counting()
    chunks = dict(filled(far, 100))
    storage = CachedStorage(far, tmp_path / "cache", 30_000)
    wanted = random.Random(5).choices([*chunks], k=1000)
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(storage.read, wanted)] == [chunks[path] for path in wanted]


class Simultaneous(Counting):
    """A far storage whose answers arrive together."""

    def __init__(self, count):
        super().__init__()
        self.barrier = Barrier(count)

    def read(self, path, start=0, length=None):
        data = super().read(path, start, length)
        self.barrier.wait(30)
        return data


def test_threads_that_fill_at_once_stay_within_its_bytes_together(tmp_path):
    """What one is writing is not in the folder yet when another looks how full that is."""
    far = Simultaneous(4)
    chunks = filled(far, 4, size=400_000)
    storage = CachedStorage(far, tmp_path / "cache", 1_000_000)
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(storage.read, [path for path, _ in chunks])] == [data for _, data in chunks]
    assert cached_bytes(tmp_path / "cache") <= 1_000_000
