import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import (
    ArtifactTable,
    DamagedRecordError,
    FileStorage,
    Heartbeat,
    Journal,
    LogSpan,
    MemoryStorage,
    ObjectNotFoundError,
    Reads,
    RecordRef,
    TaskFinished,
    TaskStarted,
    Transition,
    address_of,
)
from flowstone_datastore.artifact import Artifact, Blob, Blobs
from flowstone_datastore.record_line import to_line
from flowstone_datastore.segment import parse_segment
from flowstone_datastore.testing import records
from flowstone_interfaces import InvalidPathspecError

LINES = [
    to_line(Heartbeat(time=1.0)),
    to_line(TaskStarted(time=2.0, step="a", task="1")),
    to_line(Heartbeat(time=3.0)),
]
SEGMENT = b"".join(LINES)


def journal_with(**segments):
    storage = MemoryStorage()
    for name, data in segments.items():
        storage.append(f"runs/F/1/journal/{name}.jsonl", data)
    return Journal(storage, "F", "1")


def test_what_other_programs_leave_in_the_folder_is_no_segment(tmp_path):
    """Copying a store from a Mac leaves a `._` file beside each; the run can be read all the same."""
    storage = FileStorage(tmp_path)
    Journal(storage, "F", "1").writer("main").append(Heartbeat(time=1.0))
    folder = tmp_path / "runs" / "F" / "1" / "journal"
    for name in ("._main.jsonl", "main (copy).jsonl", ".DS_Store", "main.jsonl.swp"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07")
    journal = Journal(storage, "F", "1")
    assert journal.segments() == ("main",)
    assert times(journal) == [1.0]


def times(journal):
    return [record.time for _, record in journal.records()]


@pytest.fixture(params=["file", "memory"])
def journal(request, tmp_path):
    return Journal(FileStorage(tmp_path) if request.param == "file" else MemoryStorage(), "F", "1")


def test_what_was_appended_is_read(journal):
    """By everybody, at once."""
    writer = journal.writer("main")
    refs = [writer.append(Heartbeat(time=float(number))) for number in range(3)]
    assert journal.records() == [(ref, Heartbeat(time=float(number))) for number, ref in enumerate(refs)]
    assert journal.segments() == ("main",)


def test_one_record_is_read_by_its_place(journal):
    """An index keeps references, not records."""
    writer = journal.writer("main")
    refs = [writer.append(Heartbeat(time=float(number))) for number in range(3)]
    assert [journal.read(ref).time for ref in refs] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("change", [(1, 0), (0, 1), (0, -1), (0, -30)])
def test_a_wrong_place_is_an_error(journal, change):
    """Never another record."""
    ref = journal.writer("main").append(Heartbeat(time=1.0))
    journal.writer("main").append(Heartbeat(time=2.0))
    with pytest.raises(DamagedRecordError):
        journal.read(RecordRef("main", ref.offset + change[0], ref.length + change[1]))
    with pytest.raises(ObjectNotFoundError):
        journal.read(RecordRef("other", 0, 10))


def test_a_run_without_records_is_empty(journal):
    """It was claimed, and has not begun."""
    assert journal.records() == []


def test_segments_merge_by_time():
    """Each writer has its own; the run is all of them."""
    one = b"".join(to_line(Heartbeat(time=t)) for t in (1.0, 3.0, 5.0))
    two = b"".join(to_line(Heartbeat(time=t)) for t in (2.0, 4.0))
    assert times(journal_with(b=one, a=two)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_order_within_a_segment_holds_though_the_clock_was_set_back():
    """A task never finishes before it starts."""
    one = b"".join(to_line(Heartbeat(time=t)) for t in (5.0, 1.0, 6.0))
    two = to_line(Heartbeat(time=5.5))
    assert times(journal_with(a=one, b=two)) == [5.0, 1.0, 5.5, 6.0]


@given(st.lists(st.lists(st.floats(0, 10), max_size=6), max_size=4))
def test_merging_keeps_every_segment_in_order(segments):
    """Whatever the clocks say."""
    names = "abcd"
    written = {
        names[number]: [
            TaskStarted(time=t, step=names[number], task=str(index)) for index, t in enumerate(of_segment)
        ]
        for number, of_segment in enumerate(segments)
    }
    journal = journal_with(**{name: b"".join(map(to_line, of_segment)) for name, of_segment in written.items()})
    read = [record for _, record in journal.records()]
    for name, of_segment in written.items():
        assert [record for record in read if record.step == name] == of_segment


def test_equal_lines_are_one_record():
    """A segment may be copied into another before it is deleted: in between, each record still counts once."""
    assert times(journal_with(a=SEGMENT, compacted=SEGMENT)) == [1.0, 2.0, 3.0]


def test_segments_that_vanish_while_being_read_are_looked_for_again():
    """Compaction may happen at any moment."""
    journal = journal_with(a=SEGMENT)
    storage = journal._storage

    class Compacting:
        def __getattr__(self, name):
            return getattr(storage, name)

        def read(self, path, start=0, length=None):
            if path.endswith("/a.jsonl"):
                storage.append("runs/F/1/journal/all.jsonl", SEGMENT)
                storage.delete(path)
            return storage.read(path, start, length)

    assert len(Journal(Compacting(), "F", "1").records()) == 3


def test_a_journal_is_followed(journal):
    """Only what is new is read."""
    main, other = journal.writer("main"), journal.writer("other")
    main.append(Heartbeat(time=1.0))
    found, offsets = journal.records_since({})
    assert [record.time for _, record in found] == [1.0]
    assert journal.records_since(offsets) == ([], offsets)
    other.append(Heartbeat(time=3.0))
    ref = main.append(Heartbeat(time=2.0))
    found, offsets = journal.records_since(offsets)
    assert [record.time for _, record in found] == [2.0, 3.0]
    assert found[0][0] == ref
    assert journal.records_since(offsets)[0] == []


def test_a_line_still_being_written_comes_later():
    """A follower sees each record once, and whole."""
    journal = journal_with(a=SEGMENT[:-5])
    found, offsets = journal.records_since({})
    assert len(found) == 2
    journal._storage.append("runs/F/1/journal/a.jsonl", SEGMENT[-5:])
    found, _ = journal.records_since(offsets)
    assert [record.time for _, record in found] == [3.0]


@pytest.mark.parametrize("length", range(len(SEGMENT)))
def test_a_torn_last_line_is_ignored_at_every_byte(length):
    """A killed writer leaves what was whole, and no error."""
    whole = SEGMENT[:length].count(b"\n")
    assert len(parse_segment(SEGMENT[:length], "F/1", "a").lines) == whole


def test_every_flipped_bit_is_found():
    """None gives a wrong record, none loses one unnoticed."""
    for bit in range(len(SEGMENT) * 8):
        damaged = bytearray(SEGMENT)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedRecordError):
            parse_segment(bytes(damaged), "F/1", "a")


@given(st.lists(records(), min_size=1, max_size=3), st.data())
@settings(max_examples=50, deadline=None)
def test_a_flipped_bit_of_any_record_is_found(some, data):
    """Long texts and odd characters included."""
    whole = b"".join(map(to_line, some))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedRecordError):
        parse_segment(bytes(damaged), "F/1", "a")


def test_damage_is_placed_and_can_be_passed_over():
    """One bad sector must not hide a whole run from those who want to know what is left."""
    damaged = bytearray(SEGMENT)
    damaged[len(LINES[0]) + 30] ^= 1
    journal = journal_with(a=bytes(damaged))
    with pytest.raises(DamagedRecordError, match=f"record at byte {len(LINES[0])} of F/1, segment a, is damaged"):
        journal.records()
    seen = []
    assert [record.time for _, record in journal.records(seen.append)] == [1.0, 3.0]
    assert [(error.segment, error.offset) for error in seen] == [("a", len(LINES[0]))]


def test_a_valid_line_that_is_no_record_is_damage():
    """A checksum says that it arrived, not that it makes sense."""
    import zlib

    body = b'"type":"heartbeat","time":"noon"}'
    with pytest.raises(DamagedRecordError, match="'noon' is not a finite number"):
        parse_segment(b'{"sum":"%08x",%b\n' % (zlib.crc32(body), body), "F/1", "a")


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden"])
def test_names_stay_in_the_folder(name):
    """Flows, runs and segments become paths."""
    storage = MemoryStorage()
    with pytest.raises(InvalidPathspecError):
        Journal(storage, name, "1")
    with pytest.raises(InvalidPathspecError):
        Journal(storage, "F", name)
    with pytest.raises(InvalidPathspecError):
        Journal(storage, "F", "1").writer(name)


def test_ten_thousand_records_are_read_in_no_time(tmp_path):
    """`show` and `resume` read whole journals. (It takes a third of a second on a slow machine.)"""
    blob = Blob.of_bytes(os.urandom(100))
    artifact = Artifact("builtins.dict", 100, address_of(b""), "pickle-5", Blobs(blob))
    line = to_line(
        TaskFinished(
            time=1.0,
            step="fit",
            task="17",
            artifacts=ArtifactTable(None, dict.fromkeys(["a", "b", "c"], artifact)),
            reads=Reads({"alpha": artifact.address}),
            transition=Transition(["join"]),
            seconds=1.0,
            logs=LogSpan("main", 0, 100),
        )
    )
    before = time.process_time()
    assert len(parse_segment(line * 10_000, "F/1", "a").lines) == 10_000
    assert time.process_time() - before < 2.0
