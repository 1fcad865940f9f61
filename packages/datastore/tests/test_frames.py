"""Frames and tables, whose columns leave the pickle."""

import pytest

from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage

ROWS = 10_000


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(ChunkStore(FileStorage(tmp_path)))


@pytest.fixture
def frame():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(
        {
            "number": [float(row) for row in range(ROWS)],
            "count": range(ROWS),
            "text": [f"row {row}" for row in range(ROWS)],
            "day": pd.date_range("2026-01-01", periods=ROWS, freq="min"),
            "kind": pd.Categorical(["a", "b"] * (ROWS // 2)),
        }
    )


def test_load_of_save_is_the_frame(store, frame):
    """With types and index."""
    pd = pytest.importorskip("pandas")
    artifact = store.save(frame)
    assert artifact.blobs.buffers
    pd.testing.assert_frame_equal(store.load(artifact), frame)


def test_a_loaded_frame_may_be_changed(store, frame):
    """`df["x"] = ...` and changes in place work, and change nothing that is stored."""
    pd = pytest.importorskip("pandas")
    artifact = store.save(frame)
    loaded = store.load(artifact)
    loaded["x"] = 1
    loaded.loc[5, "number"] = -1.0
    loaded["count"] += 1
    pd.testing.assert_frame_equal(store.load(artifact), frame)


def test_load_of_save_is_the_arrow_table(store):
    """pyarrow hands out its buffers as they are."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table(
        {"number": [float(row) for row in range(ROWS)], "text": [f"row {row}" for row in range(ROWS)]}
    )
    artifact = store.save(table)
    assert artifact.blobs.buffers
    loaded = store.load(artifact)
    assert loaded.equals(table)
    loaded.validate(full=True)
