import datetime as dt
import decimal
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow: the extra frames")
pd = pytest.importorskip("pandas")

import pyarrow.compute as pc  # noqa: E402
import pyarrow.dataset as ds  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from flowstone_datastore.data_access import collecting_data_access  # noqa: E402
from flowstone_datastore.tables import (  # noqa: E402
    InvalidWhereError,
    MixedSchemasError,
    NoFrameError,
    NoTableError,
    TableFormatError,
    UnknownColumnError,
    read_frame,
    scan_frame,
    write_frame,
)

UTC = dt.timezone.utc
TYPES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.large_string(): st.text(max_size=20),
    pa.duration("us"): st.timedeltas(dt.timedelta(-99), dt.timedelta(99)),
    pa.time64("us"): st.times(),
    pa.null(): st.none(),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=20),
    pa.binary(): st.binary(max_size=20),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("ms", "UTC"): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(  # noqa: DTZ001
        lambda time: time.replace(microsecond=0, tzinfo=UTC)
    ),
    pa.decimal128(12, 2): st.decimals(-1000, 1000, places=2),
    pa.list_(pa.int32()): st.lists(st.integers(-9, 9), max_size=3),
    pa.struct([("x", pa.int32()), ("y.z", pa.string())]): st.fixed_dictionaries(
        {"x": st.integers(0, 9), "y.z": st.text(max_size=3)}
    ),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["red", "green"]),
}


@st.composite
def tables(draw):
    """Tables of all types that people have, with and without nulls."""
    rows = draw(st.integers(0, 12))
    kinds = draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=6))
    columns = {}
    for number, kind in enumerate(kinds):
        values = draw(st.lists(st.none() | TYPES[kind], min_size=rows, max_size=rows))
        columns[f"column {number}.x"] = pa.array(values, type=kind)
    return pa.table(columns)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), file_format=st.sampled_from(["parquet", "arrow"]), is_folder=st.booleans())
def test_what_was_written_is_read(table, file_format, is_folder):
    """Types, nulls and order, through a file and through a folder."""
    url = write_frame(
        table, f"memory://roundtrip/{'t/' if is_folder else 't.' + file_format}", file_format=file_format
    )
    found = read_frame(url, to="arrow")
    assert found.schema.equals(table.schema)
    assert found.equals(table)


FRAME = pd.DataFrame(
    {
        "number": range(1000),
        "real": [random.Random(n).random() for n in range(1000)],
        "text": [None if n % 11 == 0 else f"text {n % 7}" for n in range(1000)],
        "kind": pd.Categorical([("red", "green", "blue")[n % 3] for n in range(1000)]),
        "when": pd.date_range("2026-01-01", periods=1000, freq="h", tz="Europe/Helsinki"),
        "day": pd.to_datetime([dt.date(2026, 1, 1 + n % 28) for n in range(1000)]).date,
        "year": [2020 + n % 3 for n in range(1000)],
    },
    index=pd.Index([f"row {n}" for n in range(1000)], name="name"),
)


@pytest.fixture(scope="module")
def in_folder(tmp_path_factory):
    """The frame, partitioned, many row groups to a file, without a list of ours: as others write it."""
    folder = tmp_path_factory.mktemp("table")
    table = pa.Table.from_pandas(FRAME)
    options = ds.ParquetFileFormat().make_write_options()
    ds.write_dataset(
        table,
        folder,
        format="parquet",
        partitioning=ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive"),
        max_rows_per_group=50,
        min_rows_per_group=50,
        file_options=options,
    )
    return folder


@pytest.mark.parametrize(
    "url", ["memory://pandas/one.parquet", "memory://pandas/one.arrow", "memory://pandas/all/"]
)
def test_a_frame_comes_back_with_its_index_and_types(url):
    """Also if only some columns are asked for."""
    write_frame(FRAME, url)
    frame = FRAME
    if int(pd.__version__.partition(".")[0]) < 3:  # texts are objects there, until they are said to be Arrow's
        texts = {pa.string(): pd.StringDtype("pyarrow")}
        frame = pa.Table.from_pandas(FRAME).to_pandas(types_mapper=texts.get)
    pd.testing.assert_frame_equal(read_frame(url), frame)
    pd.testing.assert_frame_equal(read_frame(url, columns=["text", "real"]), frame[["text", "real"]])
    assert read_frame(url, to="arrow", columns=["real"]).column_names == ["real"]


def test_texts_stay_in_arrows_memory():
    """An object for each text would take ten times as long, and as much memory."""
    write_frame(FRAME, "memory://texts/one.parquet")
    kind = read_frame("memory://texts/one.parquet").dtypes["text"]
    assert isinstance(kind, pd.StringDtype)
    assert kind.storage == "pyarrow"


CONDITIONS = {
    "number >= 900": pc.field("number") >= 900,
    "100 < number <= 130 and not kind == 'red'": (pc.field("number") > 100)
    & (pc.field("number") <= 130)
    & ~(pc.field("kind") == "red"),
    "year == 2021 and text in ['text 1', 'text 3']": (pc.field("year") == 2021)
    & pc.field("text").isin(["text 1", "text 3"]),
    "text is None or real > 0.9": pc.field("text").is_null() | (pc.field("real") > 0.9),
    "year not in (2020, 2022) and text is not None": ~pc.field("year").isin([2020, 2022])
    & ~pc.field("text").is_null(),
    "when >= '2026-02-01' and day < '2026-01-20'": (
        pc.field("when") >= pa.scalar(pd.Timestamp("2026-02-01", tz="Europe/Helsinki"))
    )
    & (pc.field("day") < pa.scalar(dt.date(2026, 1, 20))),
    "number == -1": pc.field("number") == -1,
    "year == 1999": pc.field("year") == 1999,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_means_what_it_says(in_folder, text):
    """The same rows that pyarrow finds in memory; written as a text or as an expression."""
    whole = ds.dataset(in_folder, partitioning=ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive"))
    expected = whole.to_table(filter=CONDITIONS[text], columns=["number", "year"]).sort_by("number")
    for where in (text, CONDITIONS[text]):
        found = read_frame(in_folder, ["number", "year"], where, to="arrow").sort_by("number")
        assert found.to_pydict() == expected.to_pydict()
    batches = [*scan_frame(in_folder, ["number"], text, batch_rows=7)]
    assert sorted(n for batch in batches for n in batch["number"].to_pylist()) == expected["number"].to_pylist()
    assert all(0 < batch.num_rows <= 7 for batch in batches)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filters=st.lists(
        st.lists(
            st.tuples(st.just("number"), st.sampled_from(["<", ">=", "==", "!="]), st.integers(-5, 1005))
            | st.tuples(st.just("kind"), st.sampled_from(["==", "!="]), st.sampled_from(["red", "green", "pink"]))
            | st.tuples(st.just("year"), st.just("in"), st.lists(st.integers(2019, 2023), min_size=1, max_size=3)),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_filters_leave_out_nothing_that_is_wanted(in_folder, filters):
    """Whatever statistics and folder names say: row groups that are not read hold no row that is wanted."""
    whole = ds.dataset(in_folder, partitioning=ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive"))
    expected = whole.to_table().filter(pq.filters_to_expression(filters))
    found = read_frame(in_folder, ["number"], filters, to="arrow")
    assert sorted(found["number"].to_pylist()) == sorted(expected["number"].to_pylist())


def test_only_what_is_wanted_is_fetched(tmp_path):
    """Of ten columns and twenty row groups: one column of one group, and so the record of the task says."""
    table = pa.table(
        {f"c{n}": [random.Random(n * 10_000 + row).random() for row in range(40_000)] for n in range(10)}
    )
    table = table.append_column("n", pa.array(range(40_000)))
    file = tmp_path / "t.parquet"
    pq.write_table(table, file, row_group_size=2_000, compression="none", use_dictionary=False)
    with collecting_data_access() as accesses:
        found = read_frame(file, ["c3"], "n == 20500", to="arrow")
    assert found["c3"].to_pylist() == [table["c3"][20_500].as_py()]
    (access,) = accesses.all()
    assert access.url == file.as_uri()
    # 64 KiB of the end, 2,000 numbers of two columns, and at most the gap between them.
    assert 32_000 < access.size < 64 * 1024 + 32_000 + 300_000 < file.stat().st_size / 5


def test_folder_names_alone_answer_a_question_about_them(in_folder):
    """No column of a file is needed."""
    assert read_frame(in_folder, ["year"], to="arrow")["year"].value_counts().to_pylist() == [
        {"values": 2020, "counts": 334},
        {"values": 2021, "counts": 333},
        {"values": 2022, "counts": 333},
    ]
    assert sum(batch.num_rows for batch in scan_frame(in_folder, ["year"], "year > 2020")) == 666


def test_a_foreign_folder_is_read_without_what_is_hidden(tmp_path):
    """Spark leaves `_SUCCESS`, others `.crc`; a value of a folder's name is unquoted, and may be null."""
    for folder, value in {"city=S%C3%A3o%20Paulo": 1, "city=__HIVE_DEFAULT_PARTITION__": 2}.items():
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"x": [value]}), tmp_path / folder / "part-0.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_logs").mkdir()
    (tmp_path / "_logs/x.parquet").write_bytes(b"no table")
    (tmp_path / ".part-0.parquet.crc").write_bytes(b"crc")
    found = read_frame(tmp_path, to="arrow").sort_by("x").to_pydict()
    assert found == {"x": [1, 2], "city": ["São Paulo", None]}


def test_files_of_other_types_become_the_tables(tmp_path):
    """Of a column that one file does not have, its rows are null; what cannot become the type is said."""
    pq.write_table(pa.table({"a": pa.array([1], pa.int64()), "b": ["x"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": pa.array([2], pa.int32())}), tmp_path / "1.parquet")
    assert read_frame(tmp_path, to="arrow").to_pydict() == {"a": [1, 2], "b": ["x", None]}
    assert read_frame(tmp_path, where="b == 'x'", to="arrow").to_pydict() == {"a": [1], "b": ["x"]}
    assert read_frame(tmp_path, ["a"], where="b is None", to="arrow").to_pydict() == {"a": [2]}
    pq.write_table(pa.table({"a": ["three"]}), tmp_path / "2.parquet")
    with pytest.raises(
        MixedSchemasError, match=r"2\.parquet has the column 'a' in another type.*string and int64"
    ):
        read_frame(tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.zst"])
def test_csv_is_read_whole_and_in_batches(tmp_path, suffix):
    """Columns and conditions as of any table; compressed files are told by their names."""
    file = tmp_path / f"t.{suffix}"
    with pa.output_stream(str(file), compression="detect") as out:
        out.write(b"a,b\n" + b"".join(b"%d,x%d\n" % (n, n % 3) for n in range(1000)))
    assert read_frame(file, ["a"], "b == 'x1' and a < 5", to="arrow").to_pydict() == {"a": [1, 4]}
    batches = [*scan_frame(file, ["b"], "a >= 500", batch_rows=100)]
    assert sum(batch.num_rows for batch in batches) == 500


def test_an_arrow_file_of_this_machine_is_not_copied(tmp_path):
    """It is mapped: who reads it needs no memory, and shares the pages with everybody."""
    url = write_frame(pa.table({"x": pa.array(range(1_000_000))}), tmp_path / "t.arrow")
    before = pa.total_allocated_bytes()
    table = read_frame(url, to="arrow")
    assert pa.total_allocated_bytes() - before < 100_000
    assert pc.sum(table["x"]).as_py() == 499_999_500_000


def test_polars_gets_its_own(in_folder):
    """If it is installed."""
    pl = pytest.importorskip("polars")
    found = read_frame(in_folder, ["number", "year"], "year == 2020", to="polars")
    assert isinstance(found, pl.DataFrame)
    assert found.shape == (334, 2)


def test_memory_is_bounded_while_a_table_is_scanned(tmp_path):
    """What is fetched ahead is at most what was said, and nothing of it stays."""
    from flowstone_datastore.tables.parquet import Piece

    rows = pa.table({"x": [random.Random(n).random() for n in range(200_000)]})
    pq.write_table(rows, tmp_path / "t.parquet", row_group_size=10_000, compression="none", use_dictionary=False)
    held, most = 0, 0
    fetch, batches = Piece.fetch, Piece.batches

    def counted_fetch(piece, patience):
        nonlocal held, most
        held += piece.stored_bytes
        most = max(most, held)
        return fetch(piece, patience)

    def counted_batches(piece, file, count):
        nonlocal held
        yield from batches(piece, file, count)
        held -= piece.stored_bytes

    import flowstone_datastore.tables.parquet as module

    size = module.PIECE_BYTES
    module.PIECE_BYTES = 1
    Piece.fetch, Piece.batches = counted_fetch, counted_batches
    try:
        total = sum(batch.num_rows for batch in scan_frame(tmp_path / "t.parquet", memory_bytes=300_000))
    finally:
        module.PIECE_BYTES = size
        Piece.fetch, Piece.batches = fetch, batches
    assert total == 200_000
    assert 100_000 < most <= 400_000


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"columns": ["nubmer"]}, UnknownColumnError, "has no column 'nubmer'; did you mean 'number'"),
        ({"where": "nubmer > 1"}, UnknownColumnError, "did you mean 'number'"),
        ({"where": [("size", ">", 3)]}, UnknownColumnError, "has no column 'size'; it has number, real"),
        ({"where": pc.field("size") > 3}, UnknownColumnError, "has no column 'size'"),
        ({"where": "number >"}, InvalidWhereError, "no expression of Python"),
        ({"where": "text > 3"}, InvalidWhereError, "no kernel matching"),
        ({"where": "when > 'soon'"}, InvalidWhereError, "'soon' is no timestamp"),
        ({"where": "open('/etc/passwd')"}, InvalidWhereError, "has no meaning here"),
        ({"where": "number.real == 1"}, InvalidWhereError, "'number.real' has no meaning here"),
        ({"where": [("number", "~", 3)]}, InvalidWhereError, "cannot be used"),
        ({"where": 3}, InvalidWhereError, "it is a int"),
        ({"to": "spark"}, NoFrameError, "write one of pandas, arrow, polars"),
        ({"file_format": "orc"}, NoFrameError, "write one of parquet, arrow, csv"),
    ],
)
def test_what_is_asked_wrong_is_said_in_one_sentence(in_folder, asked, error, said):
    """With what there is."""
    with pytest.raises(error, match=None) as caught:
        read_frame(in_folder, **asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_table_is_said(tmp_path):
    """Nothing, a folder of nothing, of something else, of two formats; files that are cut short, or no tables."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme.txt").touch()
    (tmp_path / "both").mkdir()
    (tmp_path / "both/a.csv").write_text("a\n1\n")
    whole = tmp_path / "both/a.parquet"
    pq.write_table(pa.table({"a": [1]}), whole)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:-20])
    (tmp_path / "cut.arrow").write_bytes(b"ARROW1\0\0")
    (tmp_path / "text.parquet").write_text("a,b\n1,2\n")
    broken = bytearray(whole.read_bytes())
    footer = int.from_bytes(broken[-8:-4], "little")
    broken[-8 - footer : -8] = bytes(footer)
    (tmp_path / "broken.parquet").write_bytes(broken)
    for name, error, said in (
        ("missing.parquet", NoTableError, "no such object"),
        ("missing/", NoTableError, "no files"),
        ("empty", NoTableError, "no files"),
        ("notes", NoTableError, "1 files, none in parquet, arrow, csv"),
        ("both", NoTableError, "files in csv and parquet, of which `file_format` must name one"),
        ("cut.parquet", TableFormatError, "does not end with PAR1"),
        ("text.parquet", TableFormatError, "does not end with PAR1"),
        ("broken.parquet", TableFormatError, "cannot be read as parquet"),
        ("cut.arrow", TableFormatError, "cannot be read as arrow"),
    ):
        with pytest.raises(error) as caught:
            read_frame(tmp_path / name)
        assert said in str(caught.value)
        assert name.rstrip("/") in str(caught.value)
    assert read_frame(tmp_path / "both", file_format="csv").shape == (1, 1)


def test_decimals_and_nothing_else_are_left_alone(tmp_path):
    """A number in a condition is compared as it is: 2.5 is not 2."""
    pq.write_table(pa.table({"n": [2, 3], "d": [decimal.Decimal("2.50"), None]}), tmp_path / "t.parquet")
    assert read_frame(tmp_path / "t.parquet", where="n >= 2.5", to="arrow")["n"].to_pylist() == [3]
    assert read_frame(tmp_path / "t.parquet", where="d == 2.5", to="arrow")["n"].to_pylist() == [2]
