import datetime as dt
import os
import random
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow: the extra frames")
pd = pytest.importorskip("pandas")

import pyarrow.dataset as ds  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from flowstone_datastore import StoreFullError  # noqa: E402
from flowstone_datastore.data_access import collecting_data_access  # noqa: E402
from flowstone_datastore.tables import (  # noqa: E402
    MixedSchemasError,
    NoFrameError,
    TableExistsError,
    TableFormatError,
    UnknownColumnError,
    read_frame,
    scan_frame,
    write_frame,
)
from flowstone_datastore.tables import writing as writing_module  # noqa: E402

FRAME = pd.DataFrame(
    {
        "n": range(100),
        "text": [f"text {n}" for n in range(100)],
        "year": [2020 + n % 2 for n in range(100)],
        "city": [("a/b", "São", None)[n % 3] for n in range(100)],
    }
)


def with_arrows_texts(frame):
    """Before pandas 3, texts are objects until they are said to be Arrow's."""
    if int(pd.__version__.partition(".")[0]) >= 3:
        return frame
    return pa.Table.from_pandas(frame).to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow")}.get)


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("file_format", ["parquet", "arrow", "csv"])
def test_others_read_what_is_written(tmp_path, file_format):
    """A table is for everybody: one file, and a folder of them."""
    write_frame(FRAME, tmp_path / f"one.{file_format}")
    write_frame(FRAME, tmp_path / "all", file_format=file_format)
    for place in (tmp_path / f"one.{file_format}", tmp_path / "all"):
        found = ds.dataset(place, format=file_format).to_table()
        assert found["text"].to_pylist() == FRAME["text"].tolist()
    if file_format == "parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one.parquet"), FRAME)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all"), FRAME)


def test_a_partitioned_table_is_hives(tmp_path):
    """Spark, pyarrow and pandas read the folders; here the columns come back where they were, in their types."""
    write_frame(FRAME, tmp_path / "t", partition_by=["year", "city"])
    folders = {path.rpartition("/")[0] for path in files_of(tmp_path / "t")}
    assert "year=2020/city=S%C3%A3o" in folders
    assert "year=2021/city=__HIVE_DEFAULT_PARTITION__" in folders
    other = ds.dataset(tmp_path / "t", partitioning="hive").to_table(filter=ds.field("year") == 2020)
    assert sorted(other["n"].to_pylist()) == [*range(0, 100, 2)]
    back = read_frame(tmp_path / "t").sort_values("n").reset_index(drop=True)
    pd.testing.assert_frame_equal(back, with_arrows_texts(FRAME))
    assert len(read_frame(tmp_path / "t", where="city == 'a/b' and year == 2021")) == 17


EARLY, LATE = dt.datetime.fromisoformat("1950-01-01"), dt.datetime.fromisoformat("2200-01-01")
KEYS = {
    pa.int16(): st.integers(-100, 100),
    pa.string(): st.text(max_size=5),
    pa.large_string(): st.sampled_from(["=", "/", "%", "..", "a b", "_x", ".x", "01"]),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
    pa.timestamp("us"): st.datetimes(EARLY, LATE),
    pa.timestamp("us", "Europe/Helsinki"): st.datetimes(EARLY, LATE, timezones=st.just(dt.timezone.utc)),
    pa.decimal128(9, 2): st.decimals(-9999, 9999, places=2),
    pa.float64(): st.floats(allow_nan=False),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["red", "green"]),
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(list(KEYS)), file_format=st.sampled_from(["parquet", "arrow"]))
def test_a_partitioned_table_comes_back_whatever_its_key_is(data, kind, file_format):
    """What stands in the name of a folder is a text: it must become the value again."""
    keys = data.draw(st.lists(st.none() | KEYS[kind], min_size=1, max_size=8))
    table = pa.table({"key": pa.array(keys, kind), "n": range(len(keys))})
    url = write_frame(table, f"memory://keys/{kind}/", partition_by=["key"], file_format=file_format)
    back = read_frame(url, to="arrow").sort_by("n")
    assert back.schema.equals(table.schema)
    assert back["key"].to_pylist() == table["key"].to_pylist()
    one = data.draw(st.sampled_from(keys))
    if one is not None:
        found = read_frame(url, where=ds.field("key") == pa.scalar(one, kind), to="arrow")
        assert sorted(found["n"].to_pylist()) == [n for n, key in enumerate(keys) if key == one]


@pytest.mark.parametrize("partition_by", [(), ["year"]])
def test_an_empty_frame_is_a_table(tmp_path, partition_by):
    """The first day without data must not break the second."""
    write_frame(FRAME[:0], tmp_path / "t", partition_by=partition_by)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "t"), with_arrows_texts(FRAME[:0]))
    assert [*scan_frame(tmp_path / "t")] == []


def test_a_table_that_does_not_fit_in_memory_is_written_in_batches(tmp_path, monkeypatch):
    """From a scan, through a condition, into several files; the order of the rows stays."""
    monkeypatch.setattr(writing_module, "FILE_BYTES", 1_000)
    write_frame(FRAME, tmp_path / "from")
    write_frame(scan_frame(tmp_path / "from", where="n >= 10", batch_rows=9), tmp_path / "to")
    assert len(files_of(tmp_path / "to")) > 3
    assert read_frame(tmp_path / "to", ["n"], to="arrow")["n"].to_pylist() == [*range(10, 100)]


def test_a_table_is_replaced_at_once_and_nothing_of_the_old_one_stays(tmp_path):
    """Files of two versions together would be a table that nobody wrote."""
    write_frame(FRAME, tmp_path / "t", partition_by=["city"])
    write_frame(FRAME[:10], tmp_path / "t", partition_by=["year"])
    assert len(read_frame(tmp_path / "t")) == 10
    assert len(ds.dataset(tmp_path / "t", partitioning="hive", format="parquet").to_table()) == 10
    assert len(files_of(tmp_path / "t")) == 3


REPLACE = """
import sys
import pyarrow as pa
from flowstone_datastore.tables import write_frame
for version in range(1, 1_000_000):
    rows = 1000 + version % 7
    table = pa.table({"version": [version] * rows, "rows": [rows] * rows, "part": [n % 3 for n in range(rows)]})
    write_frame(table, sys.argv[1], partition_by=["part"])
    if version == 1:
        print("go", flush=True)
"""


def test_who_reads_while_a_table_is_replaced_sees_one_version(tmp_path):
    """A writer that never rests, and readers: never a mix, never a missing file, never half."""
    url = str(tmp_path / "t")
    with subprocess.Popen([sys.executable, "-c", REPLACE, url], stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "go\n"
            seen = set()
            for _ in range(40):
                found = read_frame(url, to="arrow")
                assert found["version"].value_counts().to_pylist() == [
                    {"values": found["version"][0].as_py(), "counts": found["rows"][0].as_py()}
                ]
                seen.add(found["version"][0].as_py())
        finally:
            writer.kill()
    assert len(seen) > 2


def test_a_writer_that_is_killed_leaves_the_table_as_it_was(tmp_path):
    """At any moment."""
    url = str(tmp_path / "t")
    for pause in (0.0, 0.003, 0.01, 0.02, 0.05):
        with subprocess.Popen([sys.executable, "-c", REPLACE, url], stdout=subprocess.PIPE, text=True) as writer:
            writer.stdout.readline()
            threading.Event().wait(pause)
            writer.kill()
        found = read_frame(url, to="arrow")
        assert found.num_rows == found["rows"][0].as_py()


def test_a_table_that_is_there_may_be_kept(tmp_path):
    """And files that no list names are nobody's to delete: perhaps the folder is the wrong one."""
    for place in ("one.parquet", "folder"):
        write_frame(FRAME, tmp_path / place, overwrite=False)
        with pytest.raises(TableExistsError, match=rf"{place} holds a (file|table)"):
            write_frame(FRAME[:1], tmp_path / place, overwrite=False)
        assert len(read_frame(tmp_path / place)) == 100
    before = files_of(tmp_path / "folder")
    (tmp_path / "mine").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "mine/x.parquet")
    with pytest.raises(TableExistsError, match=r"'x\.parquet', which no list of a table names"):
        write_frame(FRAME, tmp_path / "mine")
    assert files_of(tmp_path / "folder") == before
    assert files_of(tmp_path / "mine") == ["x.parquet"]


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    """One sentence each; a table that was there stays."""
    write_frame(FRAME[:3], tmp_path / "t")
    before = files_of(tmp_path / "t")

    def batches():
        yield pa.RecordBatch.from_pydict({"a": [1]})
        yield pa.RecordBatch.from_pydict({"a": ["x"]})

    for value, options, error, said in (
        ({"a": [1]}, {}, NoFrameError, "a builtins.dict is no frame"),
        ("text", {}, NoFrameError, "a builtins.str is no frame"),
        (iter([]), {}, NoFrameError, "there is no batch"),
        (pd.DataFrame({"a": [1, "x"]}), {}, NoFrameError, "cannot be written"),
        (FRAME, {"partition_by": ["yaer"]}, UnknownColumnError, "did you mean 'year'"),
        (batches(), {}, MixedSchemasError, "the column 'a'"),
        (FRAME, {"file_format": "orc"}, NoFrameError, "write one of parquet, arrow, csv"),
    ):
        with pytest.raises(error) as caught:
            write_frame(value, tmp_path / "t", **options)
        assert said in str(caught.value)
        assert files_of(tmp_path / "t") == before
    assert len(read_frame(tmp_path / "t")) == 3


FULL = """
import resource, signal, sys
import pyarrow as pa
from flowstone_datastore import StoreFullError
from flowstone_datastore.tables import write_frame
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import random
for place in ("t", "one.parquet"):
    try:
        write_frame(pa.table({"x": [random.random() for _ in range(100_000)]}), f"{sys.argv[1]}/{place}")
    except StoreFullError as error:
        print(error)
"""


def test_a_full_disk_leaves_no_half_of_a_table(tmp_path):
    """Neither a file nor a folder of some."""
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert said.stdout.count("no room") + said.stdout.count("full") >= 2, said
    assert files_of(tmp_path) == []
    assert issubclass(StoreFullError, OSError)


def test_a_list_of_files_that_leads_elsewhere_is_refused(tmp_path):
    """A folder may come from anywhere; its list names files below it."""
    write_frame(FRAME, tmp_path / "t")
    manifest = tmp_path / "t/_flowstone_table.json"
    (name,) = (path for path in files_of(tmp_path / "t") if path.startswith("part-"))
    text = manifest.read_text()
    for other in (text.replace(name, "../secret.parquet"), text.replace('table":1', 'table":2'), "{", "[]"):
        manifest.write_text(other)
        with pytest.raises(TableFormatError, match=r"_flowstone_table\.json cannot be read as a list of files"):
            read_frame(tmp_path / "t")


def test_what_is_written_and_read_is_noted(tmp_path):
    """For the lineage of what a task makes of it."""
    with collecting_data_access() as accesses:
        write_frame(FRAME, tmp_path / "t")
        read_frame(tmp_path / "t")
    names = [(access.mode, access.url.rpartition("/")[2].partition("-")[0]) for access in accesses.all()]
    assert names == [("written", "part"), ("written", "_flowstone_table.json"), ("read", "part")]
    assert all(access.version and access.size for access in accesses.all())


BUSY = (503, "SlowDown")


class Sometimes:
    """One of `faults` for a share of the requests, the same ones each time."""

    def __init__(self, share, *faults):
        self._random = random.Random(7)
        self._share = share
        self._faults = faults
        self._lock = threading.Lock()

    def __call__(self, method, target):
        with self._lock:
            return self._random.choice(self._faults) if self._random.random() < self._share else None


@pytest.mark.parametrize(
    "fault", [None, Sometimes(0.3, BUSY), Sometimes(0.25, "cut", "reset", "short")], ids=["well", "busy", "cut"]
)
def test_tables_survive_a_bad_service(s3_proxied_url, s3_proxy, fault):
    """What is written is what is read, whatever fails as long as it passes."""
    pytest.importorskip("boto3", reason="S3 needs boto3: the extra s3")
    url = s3_proxied_url.replace("/a/store", "/table/")
    values = random.Random(1)
    table = pa.table({f"c{n}": [values.random() for _ in range(30_000)] for n in range(4)})
    table = table.append_column("part", pa.array([n % 4 for n in range(30_000)]))
    s3_proxy.fault = fault or (lambda method, target: None)
    write_frame(table, url, partition_by=["part"])
    found = read_frame(url, ["c1", "part"], "part != 2 and c1 < 0.5", to="arrow")
    expected = table.filter((ds.field("part") != 2) & (ds.field("c1") < 0.5))
    assert sorted(found["c1"].to_pylist()) == sorted(expected["c1"].to_pylist())
    assert sum(batch.num_rows for batch in scan_frame(url, ["c2"])) == 30_000
    if fault is not None:
        assert s3_proxy.faults > 3


def test_a_flipped_byte_is_noticed(s3_proxied_url, s3_proxy):
    """Ranges have no sums, pages have: never a wrong value."""
    pytest.importorskip("boto3", reason="S3 needs boto3: the extra s3")
    url = s3_proxied_url.replace("/a/store", "/t.parquet")
    values = random.Random(2)
    write_frame(pa.table({"x": [values.random() for _ in range(400_000)], "y": [0] * 400_000}), url)
    gets = 0

    def flips_data(method, target):
        nonlocal gets
        gets += method == "GET"
        return "flip" if method == "GET" and gets > 1 else None

    s3_proxy.fault = flips_data
    with pytest.raises(TableFormatError, match=r"t\.parquet cannot be read as parquet"):
        read_frame(url, ["x"], to="arrow")
