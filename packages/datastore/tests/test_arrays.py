"""Arrays, whose memory leaves the pickle."""

import pytest

np = pytest.importorskip("numpy")

from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage  # noqa: E402 - only where numpy is
from flowstone_datastore.pickling import OUT_OF_BAND_BYTES  # noqa: E402


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(ChunkStore(FileStorage(tmp_path)))


LARGE = OUT_OF_BAND_BYTES // 8
ARRAYS = {
    "small": np.arange(10.0),
    "large": np.arange(2.0 * LARGE),
    "fortran": np.asfortranarray(np.arange(4.0 * LARGE).reshape(4, LARGE)),
    "strided": np.arange(8.0 * LARGE)[::2],
    "zero-dimensional": np.array(3.0),
    "empty": np.zeros((0, 3)),
    "text": np.array(["a", "bc"] * LARGE),
    "structured": np.zeros(LARGE, dtype=[("x", "f8"), ("y", "i4")]),
    "objects": np.array([{"a": 1}, None], dtype=object),
    "masked": np.ma.array(np.arange(2.0 * LARGE), mask=np.arange(2 * LARGE) % 2),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_load_of_save_is_the_array(store, name):
    """With its type, its shape and its layout."""
    array = ARRAYS[name]
    loaded = store.load(store.save(array))
    np.testing.assert_array_equal(loaded, array)
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_loaded_array_may_be_changed(store, name):
    """`arr += 1` works, and changes nothing that is stored."""
    array = ARRAYS[name]
    artifact = store.save(array)
    changed = store.load(artifact)
    assert changed.flags.writeable
    changed[...] = changed[::-1] if changed.ndim and len(changed) else changed
    np.testing.assert_array_equal(store.load(artifact), array)


def test_a_read_only_array_stays_read_only(store):
    """Who made it so wants it so."""
    array = np.arange(2.0 * LARGE)
    array.flags.writeable = False
    assert not store.load(store.save(array)).flags.writeable


def test_large_memory_leaves_the_pickle_and_small_does_not(store):
    """A chunk per tiny array would be a file per tiny array."""
    assert store.save(np.zeros(LARGE - 1)).blobs.buffers == ()
    assert [blob.size for blob in store.save([np.zeros(LARGE), np.zeros(LARGE)]).blobs.buffers] == [8 * LARGE] * 2


def test_an_unchanged_array_has_its_old_address(store):
    """Read but unchanged writes nothing."""
    artifact = store.save(ARRAYS["large"])
    assert store.address(store.load(artifact)) == artifact.address


def test_changing_one_array_stores_one_array(store, tmp_path):
    """Equal memory is stored once, in whichever value it is."""

    def stored_bytes():
        return sum(path.stat().st_size for path in (tmp_path / "chunks").rglob("*") if path.is_file())

    columns = {name: np.random.default_rng(number).random(LARGE * 4) for number, name in enumerate("abcd")}
    store.save(columns)
    before = stored_bytes()
    columns["b"] = columns["b"] + 1
    store.save(columns)
    assert stored_bytes() - before < columns["b"].nbytes * 1.1


def test_random_arrays_survive(store):
    """Every byte of them."""
    array = np.random.default_rng(0).integers(0, 255, 3_000_001, dtype=np.uint8)
    np.testing.assert_array_equal(store.load(store.save(array)), array)
