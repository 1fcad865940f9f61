"""Files that programs without flowstone open."""

import os
import resource
import subprocess
import sys
from collections import Counter, OrderedDict

import pytest

from flowstone_datastore import (
    ArtifactStore,
    ChunkStore,
    ExportFailedError,
    FileStorage,
    MemoryStorage,
    NotExportableError,
)
from flowstone_datastore.testing import SerializerContract

MEMORY = ArtifactStore(ChunkStore(MemoryStorage()))


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(ChunkStore(FileStorage(tmp_path / "store")))


@pytest.fixture
def folder(tmp_path):
    """Where exports go."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\0\xff", b"\0\xff"),
        (bytearray(b"x" * 100_000), b"x" * 100_000),
        ("zwölf\r\n", "zwölf\r\n".encode()),
        ("", b""),
        (
            {"a": [1, 2.5, None, True], "b": {"ä": (1, 2)}},
            '{"a": [1, 2.5, null, true], "b": {"ä": [1, 2]}}'.encode(),
        ),
        ([], b"[]"),
        (None, b"null"),
        (2**70, str(2**70).encode()),
        (OrderedDict(z=1, a=2), b'{"z": 1, "a": 2}'),
        (Counter("aab"), b'{"a": 2, "b": 1}'),
    ],
)
def test_plain_values_are_plain_files(store, folder, value, expected):
    """`cat` and `jq` are all it takes."""
    path = store.export(store.save(value), folder / "x")
    assert path == folder / "x"
    assert path.read_bytes() == expected
    assert [*folder.iterdir()] == [path]


def ring():
    made = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({1: "a"}, "the key 1 is no text"),
        ([{"a": {(1, 2): 0}}], r"the key \(1, 2\) is no text"),
        ([float("nan")], "Out of range float values"),
        ({"a": {1, 2}}, "Object of type set is not JSON serializable"),
        (ring(), "Circular reference"),
        ("\ud800", "surrogates not allowed"),
        ({1, 2}, "builtins.set cannot be exported: nothing that is installed writes this type"),
        (1j, "builtins.complex cannot be exported"),
    ],
    ids=["number as key", "tuple as key", "nan", "set inside", "ring", "surrogate", "set", "complex"],
)
def test_what_would_change_without_a_word_is_refused(folder, value, detail):
    """The file that was there stays, and nothing half-written is beside it."""
    (folder / "x").write_text("before")
    with pytest.raises(NotExportableError, match=detail) as caught:
        MEMORY.export(MEMORY.save(value), folder / "x")
    assert isinstance(caught.value, TypeError)
    assert "flowstone.serializers" in str(caught.value)
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("x", "before")]


def test_a_file_is_replaced_and_a_folder_is_not(folder):
    """Nobody wants to lose a folder to a typo; nor a device."""
    artifact = MEMORY.save("new")
    (folder / "x").write_text("old")
    MEMORY.export(artifact, folder / "x")
    assert (folder / "x").read_text() == "new"
    with pytest.raises(ExportFailedError, match="it is a folder") as caught:
        MEMORY.export(artifact, folder)
    assert isinstance(caught.value, OSError)
    assert caught.value.filename == str(folder)
    with pytest.raises(ExportFailedError, match="it is no file"):
        MEMORY.export(artifact, "/dev/null")


def test_a_missing_folder_is_named(folder):
    """It may be a typo, so it is not made."""
    with pytest.raises(ExportFailedError, match=f"there is no folder {folder}/absent"):
        MEMORY.export(MEMORY.save("x"), folder / "absent/x")


def test_what_a_link_points_to_is_replaced(folder):
    """The link says where the user keeps it."""
    (folder / "target").write_text("old")
    (folder / "link").symlink_to("target")
    assert MEMORY.export(MEMORY.save("new"), folder / "link") == folder / "target"
    assert (folder / "link").is_symlink()
    assert (folder / "target").read_text() == "new"


def test_a_relative_path_is_the_callers(folder, monkeypatch):
    """As for any other file."""
    monkeypatch.chdir(folder)
    assert MEMORY.export(MEMORY.save("x"), "x.txt") == folder / "x.txt"


def test_a_file_is_as_open_as_the_umask_says(folder):
    """It is the user's, not the store's."""
    before = os.umask(0o027)
    try:
        for number, value in enumerate(everything()):
            path = MEMORY.export(MEMORY.save(value), folder / f"{number}")
            assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def everything():
    np, pa, pd = (pytest.importorskip(name) for name in ("numpy", "pyarrow", "pandas"))
    numbers = np.arange(100_000.0)
    return [
        b"x" * 800_000,
        "x" * 800_000,
        ["x" * 800_000],
        numbers,
        pd.DataFrame({"a": numbers}),
        pa.array(numbers),
    ]


@pytest.mark.parametrize("number", range(6), ids=["bytes", "text", "json", "array", "frame", "arrow"])
def test_a_full_disk_leaves_nothing(folder, number):
    """Neither a part of the new file, nor the loss of the old one."""
    value = everything()[number]
    artifact = MEMORY.save(value)
    (folder / "x").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(ExportFailedError, match=f"nothing was exported to {folder}/x"):
            MEMORY.export(artifact, folder / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("x", "before")]


# Frames


def frames():
    pd = pytest.importorskip("pandas")
    np = pytest.importorskip("numpy")
    days = pd.date_range("2026-01-01", periods=3, tz="UTC")
    many = pd.DataFrame({"x": np.arange(30_000.0), "t": [f"row {row}" for row in range(30_000)]})
    named = pd.DataFrame({"a": [1.5, None, 2]}, index=pd.Index(["x", "y", "z"], name="key"))
    levels = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["one", "two"])
    return {
        "many": many,
        "empty": pd.DataFrame({"a": []}),
        "nothing": pd.DataFrame(),
        "named index": named,
        "gaps in the index": many.iloc[::3],
        "days": pd.DataFrame({"d": days, "delta": days - days[0]}, index=days),
        "levels": pd.DataFrame({"v": [1, 2, 3]}, index=levels),
        "levels of columns": pd.DataFrame([[1, 2, 3]], columns=levels),
        "numbers as names": pd.DataFrame([[1, 2]]),
        "categories": pd.DataFrame({"c": pd.Categorical(["b", "a", None], ["b", "a"], ordered=True)}),
        "texts": pd.DataFrame({"t": ["a", None, "ä"]}),
        "nullable": pd.DataFrame({"i": pd.array([1, None], dtype="Int8"), "b": pd.array([True, None])}),
        "small types": pd.DataFrame({"f": np.float32([1]), "u": np.uint8([1]), "b": [True]}),
        "objects": pd.DataFrame({"o": [{"a": 1}, {"a": 2}], "l": [[1], [2, 3]]}),
    }


FRAMES = (
    "many",
    "empty",
    "nothing",
    "named index",
    "gaps in the index",
    "days",
    "levels",
    "levels of columns",
    "numbers as names",
    "categories",
    "texts",
    "nullable",
    "small types",
    "objects",
)


@pytest.mark.parametrize("name", FRAMES)
def test_plain_pyarrow_opens_an_exported_frame(store, folder, name):
    """And pandas gets it back with its index, its types and its names."""
    pa, pd = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    from pyarrow import feather

    frame = frames()[name]
    path = store.export(store.save(frame), folder / "frame.arrow")
    pd.testing.assert_frame_equal(feather.read_table(path, memory_map=True).to_pandas(), frame, check_freq=False)
    with pa.memory_map(str(path)) as file:
        pd.testing.assert_frame_equal(pa.ipc.open_file(file).read_all().to_pandas(), frame, check_freq=False)


def test_mapping_an_exported_table_copies_nothing(folder):
    """It is not compressed."""
    pa = pytest.importorskip("pyarrow")
    path = MEMORY.export(MEMORY.save(pa.table({"x": pa.array(range(100_000))})), folder / "x")
    with pa.memory_map(str(path)) as file:
        before = pa.total_allocated_bytes()
        table = pa.ipc.open_file(file).read_all()
        assert pa.total_allocated_bytes() - before < 10_000
        assert table["x"][99_999].as_py() == 99_999


def test_arrow_values_come_back(folder):
    """Tables with what Arrow knows of them; what has no columns gets one."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather

    schema = pa.schema([pa.field("x", pa.int8(), nullable=False)], metadata={"unit": "m"})
    table = pa.table({"x": pa.array([1, 2], pa.int8())}, schema)
    kinds = pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()])
    batch = pa.record_batch({"s": pa.array([{"a": [1]}, None])})
    for value, expected in (
        (table, table),
        (batch, pa.Table.from_batches([batch])),
        (kinds, pa.table({"values": kinds})),
        (pa.array([1, None]), pa.table({"values": [1, None]})),
    ):
        found = feather.read_table(MEMORY.export(MEMORY.save(value), folder / "x"))
        assert found.schema.equals(expected.schema, check_metadata=True)
        assert found.to_pylist() == expected.to_pylist()


def test_a_series_becomes_a_frame_of_one_column(folder):
    """With its index and its name."""
    pd = pytest.importorskip("pandas")
    from pyarrow import feather

    series = pd.Series([1.0, 2.0], index=["a", "b"], name="x")
    path = MEMORY.export(MEMORY.save(series), folder / "x")
    pd.testing.assert_frame_equal(feather.read_table(path).to_pandas(), series.to_frame())


def test_what_arrow_cannot_hold_is_said(folder):
    """In Arrow's words, which name the column."""
    pd = pytest.importorskip("pandas")
    with pytest.raises(NotExportableError, match="column a"):
        MEMORY.export(MEMORY.save(pd.DataFrame({"a": [1, "x"]})), folder / "x")
    with pytest.raises(NotExportableError, match="Duplicate column names"):
        MEMORY.export(MEMORY.save(pd.DataFrame([[1, 2]], columns=["a", "a"])), folder / "x")
    assert [*folder.iterdir()] == []


PEAK = """
import sys, threading
import numpy as np, pandas as pd, pyarrow as pa
from flowstone_datastore import ArtifactStore, ChunkStore, FileStorage
store = ArtifactStore(ChunkStore(FileStorage(sys.argv[1])))
values = np.random.default_rng(0).random((8, 4_000_000))
value = {"frame": lambda: pd.DataFrame({f"c{n}": column for n, column in enumerate(values)}),
         "table": lambda: pa.table({f"c{n}": column for n, column in enumerate(values)}),
         "array": lambda: values}[sys.argv[2]]()
artifact = store.save(value)
store.export(store.save(value[:2]), sys.argv[3])
del value, values

def anonymous_mib():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("RssAnon"))

before, most, done = anonymous_mib(), [0], threading.Event()
def watch():
    while not done.wait(0.001):
        most[0] = max(most[0], anonymous_mib())
watcher = threading.Thread(target=watch)
watcher.start()
store.export(artifact, sys.argv[3])
done.set()
watcher.join()
print(most[0] - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["frame", "table", "array"])
def test_an_export_needs_no_second_copy(tmp_path, kind):
    """A frame that just fits into memory can be exported."""
    [pytest.importorskip(name) for name in ("pandas", "pyarrow")]
    argv = [sys.executable, "-W", "error", "-c", PEAK, str(tmp_path / "store"), kind, str(tmp_path / "x")]
    assert int(subprocess.check_output(argv, text=True)) < 128  # MiB, of a value of 256


# Arrays


def test_numpy_maps_an_exported_array(store, folder):
    """Under any name; `numpy.save` would append a suffix."""
    np = pytest.importorskip("numpy")
    for name, array in {
        "numbers": np.arange(100_000.0),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "gaps": np.arange(10)[::2],
        "days": np.array(["2026-01-01"], "M8[D]"),
        "rows": np.zeros(3, dtype=[("x", "f8"), ("y", "U3")]),
        "zero": np.array(3.0),
        "empty": np.zeros((0, 3)),
    }.items():
        path = store.export(store.save(array), folder / name)
        found = np.load(path, mmap_mode="r" if array.size else None)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert path.name == name
    assert np.load(folder / "fortran").flags.f_contiguous
    assert len([*folder.iterdir()]) == 7


def test_arrays_that_a_file_cannot_hold_are_refused(folder):
    """A pickle in a file is what `export` is there to avoid; a mask would be lost."""
    np = pytest.importorskip("numpy")
    for array, detail in ((np.array([{}, None]), "Object arrays"), (np.ma.array([1, 2], mask=[0, 1]), "mask")):
        with pytest.raises(NotExportableError, match=detail):
            MEMORY.export(MEMORY.save(array), folder / "x")
    assert [*folder.iterdir()] == []


# The contract of exporters, for those that are built in


class TestPlainExporter(SerializerContract):
    encoding = "plain"

    @pytest.fixture
    def plugin(self):
        from flowstone_datastore.plain_export import PlainExporter

        return PlainExporter()

    @pytest.fixture
    def examples(self):
        return [b"", "text", {"a": [1]}, None]


class TestArrowExporter(SerializerContract):
    encoding = "arrow"

    @pytest.fixture
    def plugin(self):
        from flowstone_datastore.arrow_export import ArrowExporter

        return ArrowExporter()

    @pytest.fixture
    def examples(self):
        pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
        return [pd.DataFrame({"a": [1]}), pd.Series([1], name="x"), pa.table({"a": [1]}), pa.array([1])]


class TestNpyExporter(SerializerContract):
    encoding = "npy"

    @pytest.fixture
    def plugin(self):
        from flowstone_datastore.npy_export import NpyExporter

        return NpyExporter()

    @pytest.fixture
    def examples(self):
        np = pytest.importorskip("numpy")
        return [np.zeros(3), np.zeros((0, 3))]
