import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import (
    ArtifactStore,
    ArtifactTable,
    ChunkStore,
    InvalidRecordError,
    MemoryStorage,
    MissingChunkError,
    NoSuchArtifactError,
    TableStore,
    address_of,
)
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.testing import artifacts, names

changes = st.dictionaries(names, st.none() | artifacts(), max_size=4)


@pytest.fixture
def chunks():
    return ChunkStore(MemoryStorage())


@given(st.lists(st.tuples(changes, st.sampled_from([0, 1, 10_000]))))
def test_a_table_is_its_changes_wherever_it_is_stored(steps):
    """Parents, bases and tombstones are a matter of space, never of meaning."""
    tables = TableStore(ChunkStore(MemoryStorage()))
    table, expected = ArtifactTable(), {}
    for change, fan_out in steps:
        table = tables.spill(table.updated(change), fan_out)
        expected.update(change)
        expected = {name: artifact for name, artifact in expected.items() if artifact is not None}
        table = ArtifactTable.from_json(table.to_json())
        assert tables.flatten(table) == expected
        for name in expected:
            assert tables.find(table, name) == expected[name]
        for name in change.keys() - expected.keys():
            with pytest.raises(NoSuchArtifactError):
                tables.find(table, name)


def test_a_wide_foreach_does_not_copy_a_large_table(chunks):
    """10,000 tasks over 1,000 artifacts write 10,000 small records and one table."""
    artifact_of = ArtifactStore(chunks).save
    tables = TableStore(chunks)
    parent = ArtifactTable().updated({f"name_{number}": artifact_of(number) for number in range(1000)})
    recorded = tables.spill(parent, fan_out=10_000)
    child = recorded.updated({"own": artifact_of("result")})
    assert len(to_json_text(child.to_json())) < 500
    assert len(tables.flatten(child)) == 1001
    assert tables.find(child, "name_7") == artifact_of(7)


def test_a_linear_flow_keeps_its_table_in_the_record(chunks):
    """One look-up less to read it."""
    table = ArtifactTable().updated(
        {f"name_{number}": ArtifactStore(chunks).save(number) for number in range(100)}
    )
    assert TableStore(chunks).spill(table, fan_out=1) == table


def test_a_small_table_is_copied(chunks):
    """An address would hardly be shorter."""
    table = ArtifactTable().updated({"x": ArtifactStore(chunks).save(1)})
    assert TableStore(chunks).spill(table, fan_out=10**9) == table


def test_no_base_has_a_base(chunks):
    """Reading a name takes one look-up at most, however deep the flow."""
    tables = TableStore(chunks)
    artifact_of = ArtifactStore(chunks).save
    table = ArtifactTable()
    for level in range(3):
        table = tables.spill(
            table.updated({f"level_{level}_{number}": artifact_of(number) for number in range(50)}), 1000
        )
        assert table.entries == {}
    assert len(tables.flatten(table)) == 150


def test_a_missing_base_is_named(chunks):
    """It is a chunk like any other."""
    with pytest.raises(MissingChunkError, match="part of an artifact table"):
        TableStore(chunks).flatten(ArtifactTable(address_of(b"gone")))


@pytest.mark.parametrize("content", [b"[]", b"no json", b'{"x":null}', b'{"x y":{}}', b"\xff", b"[" * 100_000])
def test_a_base_that_is_no_table_is_refused(chunks, content):
    """A hostile record may name any chunk."""
    table = ArtifactTable(chunks.put((content,)).address)
    with pytest.raises(InvalidRecordError):
        TableStore(chunks).flatten(table)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {"base": "../../x"},
        {"base": 7},
        {"entries": []},
        {"entries": {"x": None}},
        {"entries": {"../x": None}, "base": address_of(b"")},
        {"entries": {"": None}, "base": address_of(b"")},
        {"entries": {"x": 3}},
    ],
)
def test_hostile_tables_are_refused(raw):
    """Names become attributes, bases become paths."""
    with pytest.raises(InvalidRecordError):
        ArtifactTable.from_json(raw)


def test_looking_up_a_name_loads_no_value(chunks):
    """A value that cannot be loaded here must not hide its neighbours."""
    table = ArtifactTable().updated({"x": ArtifactStore(chunks, inline_bytes=0).save("value")})
    chunks.get = None
    assert TableStore(chunks).find(table, "x").type == "builtins.str"


def test_what_is_not_there_says_so(chunks):
    """A typo in `self.x`."""
    with pytest.raises(NoSuchArtifactError, match="no artifact 'x'"):
        TableStore(chunks).find(ArtifactTable(), "x")
