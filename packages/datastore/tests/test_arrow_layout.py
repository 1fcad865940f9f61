"""Which bytes of an Arrow file are needed for some of its columns."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow", reason="tables need pyarrow: the extra frames")

from flowstone_datastore.data_access import collecting_data_access  # noqa: E402
from flowstone_datastore.tables import TableFormatError, read_frame, scan_frame, write_frame  # noqa: E402
from flowstone_datastore.tables.arrow_layout import (  # noqa: E402
    UnknownLayoutError,
    batch_head_of,
    footer_bytes,
    footer_of,
    ranges_of,
)

ROWS = 200_000
FEW = 12


def array_of(kind, value):
    return pa.array([None if row % 5 == 3 else value(row) for row in range(FEW)], kind)


ARRAYS = [
    pa.nulls(FEW),
    array_of(pa.int64(), int),
    array_of(pa.bool_(), lambda row: row % 2 == 0),
    array_of(pa.float32(), float),
    array_of(pa.timestamp("ms", "UTC"), int),
    array_of(pa.month_day_nano_interval(), lambda row: (row, row, row)),
    array_of(pa.decimal128(9, 2), int),
    array_of(pa.binary(3), lambda row: b"%03d" % row),
    array_of(pa.string(), lambda row: "x" * row),
    array_of(pa.large_binary(), lambda row: b"y" * row),
    array_of(pa.string(), lambda row: f"word {row % 3}").dictionary_encode(),
    array_of(pa.list_(pa.string()), lambda row: ["a"] * row),
    array_of(pa.large_list(pa.int8()), lambda row: [row] * row),
    array_of(pa.list_(pa.int16(), 2), lambda row: [row, row]),
    array_of(pa.map_(pa.string(), pa.list_(pa.int8())), lambda row: [("k", [row])] * (row % 3)),
    array_of(pa.struct([("n", pa.int32()), ("t", pa.struct([("u", pa.string())]))]), lambda row: {"n": row}),
    pa.ExtensionArray.from_storage(pa.uuid(), array_of(pa.binary(16), lambda row: bytes([row] * 16)))
    if hasattr(pa, "uuid")
    else array_of(pa.int8(), int),
]
"""A column of each type that has a known layout."""


@st.composite
def tables(draw):
    """Some of the columns, in any order, some rows of them."""
    arrays = draw(st.lists(st.sampled_from(ARRAYS), min_size=1, max_size=6))
    rows = draw(st.integers(0, FEW))
    return pa.table({f"column {number}": array.slice(0, rows) for number, array in enumerate(arrays)})


def file_of(table, compression=None, rows=None):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, rows)
    return sink.getvalue().to_pybytes()


def wanted_ranges(data, schema, columns):
    """All that must be there: the ends, the heads, the dictionaries, and the columns' own bytes."""
    footer = footer_of(data, len(data))
    yield from ((0, 8), (len(data) - footer_bytes(data, len(data)), len(data)))
    yield from ((block.start, block.stop) for block in footer.dictionaries)
    for block in footer.batches:
        yield block.start, block.body
        yield from ranges_of(batch_head_of(data[block.start : block.body]), block, schema, columns)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), chosen=st.data(), compression=st.sampled_from([None, "lz4", "zstd"]))
def test_the_bytes_of_some_columns_are_enough(table, chosen, compression):
    """All others may be anything: they are zeros here."""
    columns = chosen.draw(st.lists(st.sampled_from(table.column_names), min_size=1, unique=True))
    rows = chosen.draw(st.integers(1, 12))
    data = file_of(table, compression, rows)
    sparse = bytearray(len(data))
    for start, stop in wanted_ranges(data, table.schema, columns):
        sparse[start:stop] = data[start:stop]
    places = sorted(table.schema.get_field_index(name) for name in columns)
    options = pa.ipc.IpcReadOptions(included_fields=places)
    found = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(sparse)), options=options).read_all()
    assert found.equals(table.select(places))
    found.validate(full=True)


@settings(max_examples=200, deadline=None)
@example(junk=b"", cut=0, at=1651, value=128)  # a buffer of less than no bytes
@given(junk=st.binary(max_size=200), cut=st.integers(0, 2000), at=st.integers(0, 2000), value=st.integers(0, 255))
def test_damaged_files_are_refused_or_read_as_something(junk, cut, at, value):
    """No place outside of the file is ever named, and nothing else is raised."""
    whole = bytearray(file_of(pa.table({"a": [1, 2], "b": ["x", None]})))
    whole[at % len(whole)] = value
    for data in (junk, bytes(whole[cut % len(whole) :]), bytes(whole)):
        try:
            schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
            for start, stop in wanted_ranges(data, schema, ["b"]):
                assert 0 <= start <= stop <= len(data)
        except UnknownLayoutError:
            pass


@pytest.fixture(scope="module", params=[None, "zstd"])
def wide(request):
    """A table of many columns, whose file is much larger than what is fetched at once."""
    columns = {f"c{n}": pa.array(range(n, n + ROWS), pa.int64()) for n in range(40)}
    columns["word"] = pa.array([f"word {n % 1000}" for n in range(ROWS)]).dictionary_encode()
    table = pa.table(columns)
    return table, file_of(table, request.param, 50_000)


def test_only_wanted_columns_come(wide, s3_url):
    """From an object store; the task's record says how much that was."""
    from flowstone_datastore.s3 import S3

    table, data = wide
    with S3(s3root=s3_url) as s3:
        url = s3.put("wide.arrow", data)
    url += s3_url[s3_url.index("?") :]
    with collecting_data_access() as accesses:
        found = read_frame(url, ["c7", "word"], "c3 < 150", to="arrow")
    assert found.to_pydict() == table.slice(0, 147).select(["c7", "word"]).to_pydict()
    (access,) = accesses.all()
    assert access.size < len(data) / 4  # what is compressed lies close together, and is fetched by one request
    batches = list(scan_frame(url, ["c39"], batch_rows=30_000))
    assert pa.Table.from_batches(batches)["c39"].to_pylist() == table["c39"].to_pylist()
    assert read_frame(url, to="arrow").to_pydict() == table.to_pydict()


def test_what_is_no_arrow_file_is_named(s3_url):
    """As large as one that is read by its footer."""
    from flowstone_datastore.s3 import S3

    with S3(s3root=s3_url) as s3:
        url = s3.put("not.arrow", bytes(2**20)) + s3_url[s3_url.index("?") :]
    with pytest.raises(TableFormatError, match="cannot be read as arrow"):
        read_frame(url, ["a"])


def test_types_without_a_known_layout_are_read_as_a_whole():
    """A union; its columns are found all the same."""
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1] * 100_000, pa.int8()), [pa.array(range(ROWS)), pa.array(range(ROWS), pa.float64())]
    )
    url = write_frame(pa.table({"u": union, "n": pa.array(range(ROWS))}), "memory://unions/u.arrow")
    assert read_frame(url, ["n"], to="arrow")["n"].to_pylist() == list(range(ROWS))
