"""What a value costs that shares most of its bytes with one that is stored."""

import os

import pytest

from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

ROWS = 800_000
RANDOM = np.random.default_rng(4711)
WORDS = np.array([f"word {number}" for number in range(5000)], dtype=object)


def make_frame(rows):
    """Fifteen columns of the types that people have."""
    columns = {f"real {number}": RANDOM.standard_normal(rows) for number in range(7)}
    columns |= {f"count {number}": RANDOM.integers(0, 10 ** (number + 2), rows) for number in range(4)}
    columns["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(RANDOM.integers(0, 10**8, rows), unit="s")
    columns |= {f"text {number}": pd.array(WORDS[RANDOM.integers(0, 5000, rows)], "str") for number in range(3)}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def frame():
    """The value that is stored first."""
    return make_frame(ROWS)


@pytest.fixture
def store(tmp_path):
    """A store in a folder."""
    return ArtifactStore(ChunkStore(FileStorage(tmp_path)))


def written(folder):
    """Bytes in a folder."""
    return sum(os.path.getsize(f"{place}/{name}") for place, _, names in os.walk(folder) for name in names)  # noqa: PTH202 - of many


@pytest.fixture
def cost(store, tmp_path, frame):
    """Which part of the frame's bytes storing another value writes, once the frame is stored."""
    store.save(frame)
    first = written(tmp_path)

    def part_of(value):
        before = written(tmp_path)
        artifact = store.save(value)
        pd.testing.assert_frame_equal(store.load(artifact), value)
        return (written(tmp_path) - before) / first

    return part_of


def test_a_changed_column_costs_itself(cost, frame):
    """And at most a hundredth of the frame more."""
    changed = frame.copy()
    changed["real 3"] = RANDOM.standard_normal(ROWS)
    assert cost(changed) <= 8 * ROWS / frame.memory_usage(index=False, deep=True).sum() + 0.01


def test_appended_rows_cost_little_more_than_themselves(cost, frame):
    """One row in a hundred: at most three hundredths."""
    assert cost(pd.concat([frame, make_frame(ROWS // 100)], ignore_index=True)) <= 0.03


def test_overwritten_rows_cost_little_more_than_themselves(cost, frame):
    """A hundredth of the rows, side by side: at most three hundredths."""
    new = make_frame(ROWS // 100).set_axis(range(ROWS // 3, ROWS // 3 + ROWS // 100))
    changed = pd.concat([frame.iloc[: new.index[0]], new, frame.iloc[new.index[-1] + 1 :]])
    assert len(changed) == ROWS
    assert cost(changed) <= 0.03


def test_inserted_rows_cost_little_more_than_themselves(cost, frame):
    """What stands behind them is found again, though it has moved; offsets of texts, too."""
    half = ROWS // 2
    assert cost(pd.concat([frame[:half], make_frame(1001), frame[half:]], ignore_index=True)) <= 0.03


def test_a_loaded_frame_costs_nothing(cost, store, frame):
    """Reading is not changing."""
    assert cost(store.load(store.save(frame))) < 0.001


def test_a_frame_inside_a_container_is_cut_like_any(cost, store, tmp_path, frame):
    """People keep several in a dict."""
    before = written(tmp_path)
    store.save({"frames": [frame, frame[: ROWS - 1000]]})
    assert written(tmp_path) - before <= 0.03 * before


def test_an_array_and_its_contiguous_copy_are_equal(store):
    """The gaps are no content."""
    array = RANDOM.standard_normal(100_000)
    assert store.save(array[::2]) == store.save(np.ascontiguousarray(array[::2]))


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[ns]"])
def test_dates_leave_the_pickle(store, kind):
    """numpy gives their memory to no pickler; it is mapped all the same."""
    dates = RANDOM.integers(0, 10**9, 100_000).view(kind)
    artifact = store.save(dates)
    assert artifact.blobs.buffers
    loaded = store.load(artifact)
    assert loaded.dtype == dates.dtype
    assert (loaded == dates).all()


@pytest.mark.parametrize("kind", ["string[pyarrow]", "large_string[pyarrow]", "int64[pyarrow]", "str"])
def test_arrow_columns_come_back(store, kind):
    """With missing values, empty texts, slices and several chunks."""
    values = [None, "", "a", "ä" * 1000, None] if kind != "int64[pyarrow]" else [None, 1, 2, 3, None]
    series = pd.Series(values * 20_000, dtype=kind)
    for part in (series, series[7:-3], pd.concat([series, series[5:]]), series[:0], series[:3]):
        artifact = store.save(part)
        loaded = store.load(artifact)
        pd.testing.assert_series_equal(loaded, part)
        again = store.save(loaded)
        pd.testing.assert_series_equal(store.load(again), part)


def test_what_needs_cloudpickle_has_its_memory_cut_too(store, frame):
    """One lambda beside a frame must not make the frame one block again."""
    artifact = store.save({"score": lambda value: value + 1, "frame": frame})
    sizes = [blob.size for blob in store.blobs(artifact).buffers]
    assert sizes.count(8 * ROWS) == 12  # seven reals, four counts, the time
    loaded = store.load(artifact)
    assert loaded["score"](1) == 2
    pd.testing.assert_frame_equal(loaded["frame"], frame)


def test_texts_that_are_too_long_to_be_joined_stay_divided(store, monkeypatch):
    """Offsets of 32 bits count to 2 GiB; the whole may be longer."""
    import pyarrow as pa

    from flowstone_datastore import frames

    chunk = pa.array(WORDS[RANDOM.integers(0, 5000, 100_000)], pa.string())
    long = pa.chunked_array([chunk, chunk, chunk[:10]])
    monkeypatch.setattr(frames, "_MOST_JOINED_BYTES", 1_000_000)
    assert store.load(store.save(long)) == long
