"""Chunks of a far storage, with a local cache before it."""

import random

import pytest

from flowstone_datastore import (
    ArtifactStore,
    ChunkCache,
    ChunkStore,
    DamagedChunkError,
    Datastore,
    FileStorage,
    MemoryStorage,
    MissingChunkError,
)
from flowstone_datastore.chunk_cache import CachedStorage
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.file_seal import is_sealed

NOISE = random.Random(4711).randbytes(100_000)
TEXT = b"that shrinks " * 10_000


class Far(MemoryStorage):
    """A far storage that notes what is read."""

    def __init__(self):
        super().__init__()
        self.reads = []

    def read(self, path, start=0, length=None):
        self.reads.append(path)
        return super().read(path, start, length)


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def chunks(far, tmp_path):
    """A store of chunks with a cache."""
    return ChunkStore(CachedStorage(far, tmp_path / "cache", 10_000_000))


def put_far(far, data):
    """A chunk that was stored on another machine, and the path of its object."""
    ref = ChunkStore(far).put((data,))
    [path] = [path for path in (path_of(ref.address), path_of(ref.address) + ".zst") if path in far._objects]
    far.reads.clear()
    return ref, path


def get(chunks, ref):
    """Its bytes."""
    return bytes(chunks.get(ref.address, size=ref.size, artifact="F/1/a/1/x"))


@pytest.mark.parametrize("data", [b"small", NOISE, TEXT], ids=["small", "noise", "text"])
def test_a_chunk_is_fetched_once_and_sealed_when_it_was_checked(chunks, far, tmp_path, data):
    """The cache keeps the object as it is far away: compressed, or not."""
    ref, path = put_far(far, data)
    assert get(chunks, ref) == data
    file = tmp_path / "cache" / path
    assert file.read_bytes() == far._objects[path]
    assert not is_sealed(path, file.stat())
    far.reads.clear()
    assert get(chunks, ref) == data
    assert is_sealed(path, file.stat())
    assert get(chunks, ref) == data
    assert far.reads == []


@pytest.mark.parametrize("data", [b"small", TEXT], ids=["plain", "compressed"])
def test_a_chunk_is_asked_for_by_its_likely_name_first(far, data):
    """Each wrong name is a request that takes as long as the right one."""
    ref, path = put_far(far, data)
    assert get(ChunkStore(far), ref) == data
    assert far.reads == [path]


@pytest.mark.parametrize("verify", ["once", "always"])
@pytest.mark.parametrize("data", [NOISE, TEXT], ids=["plain", "compressed"])
@pytest.mark.parametrize("is_known", [True, False])
def test_damage_in_the_cache_is_healed_from_afar(far, tmp_path, data, verify, is_known):
    """Whether or not somebody has verified the file before."""
    chunks = ChunkStore(CachedStorage(far, tmp_path / "cache", 10_000_000), verify)
    ref, path = put_far(far, data)
    get(chunks, ref)
    if is_known:
        get(chunks, ref)
    file = tmp_path / "cache" / path
    for damage in (b"", b"short", bytes(file.stat().st_size)):
        file.write_bytes(damage)
        assert get(chunks, ref) == data
        assert file.read_bytes() == far._objects[path]


def test_damage_that_came_from_afar_is_an_error_that_leaves_nothing_behind(chunks, far, tmp_path):
    """Once it is healed there, it is healed here."""
    ref, path = put_far(far, NOISE)
    right = bytes(far._objects[path])
    far.write(path, NOISE[:-1] + b"x")
    for _ in range(2):
        with pytest.raises(DamagedChunkError, match="part of F/1/a/1/x"):
            get(chunks, ref)
    far.write(path, right)
    assert get(chunks, ref) == NOISE


def test_a_missing_chunk_is_named(chunks, far):
    """Under both names it may have."""
    ref, path = put_far(far, NOISE)
    far.delete(path)
    with pytest.raises(MissingChunkError, match="part of F/1/a/1/x"):
        get(chunks, ref)


def test_an_unwritable_cache_is_no_cache(far, tmp_path):
    """It makes nothing fail."""
    (tmp_path / "cache").write_text("in the way")
    chunks = ChunkStore(CachedStorage(far, tmp_path / "cache", 10_000_000))
    ref, _ = put_far(far, NOISE)
    assert get(chunks, ref) == get(chunks, ref) == NOISE


def test_values_larger_than_the_cache_come_back(far, tmp_path):
    """Evicted while they are read."""
    artifacts = ArtifactStore(ChunkStore(CachedStorage(far, tmp_path / "cache", 1_000_000)))
    values = {str(number): random.Random(number).randbytes(700_000) for number in range(5)}
    artifact = artifacts.save(values)
    assert artifacts.load(artifact) == artifacts.load(artifact) == values
    kept = sum([path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file()])
    assert 0 < kept <= 1_100_000


def test_near_storages_need_no_cache(tmp_path):
    """Files are mapped where they are."""
    cache = ChunkCache(str(tmp_path / "cache"), 1_000_000)
    for storage in (FileStorage(tmp_path), MemoryStorage()):
        assert cache.before(storage) is storage
    Datastore.open(tmp_path / "store", create=True, cache=cache).chunks.put((NOISE,))
    assert not (tmp_path / "cache").exists()


def test_a_cache_of_no_bytes_is_none(tmp_path):
    """Nor is one before another."""
    from flowstone_datastore.s3_storage import S3Storage

    far = S3Storage.from_url("s3://bucket/store")
    assert ChunkCache(str(tmp_path), 0).before(far) is far
    cached = ChunkCache(str(tmp_path), 1).before(far)
    assert isinstance(cached, CachedStorage)
    assert ChunkCache(str(tmp_path), 1).before(cached) is cached
