import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import DamagedLogError, InvalidRecordError, LogFrame, LogSegment, MemoryStorage
from flowstone_datastore.testing import names

frames = st.builds(
    LogFrame,
    names,
    names,
    st.integers(0, 9),
    st.sampled_from(["stdout", "stderr"]),
    st.floats(0, 1e10),
    st.binary(),
)
TWO = (LogFrame("a", "1", 0, "stdout", 1.25, b"one\ntwo\n"), LogFrame("b", "2", 1, "stderr", 2.0, b"\xff 3"))
BYTES = b"".join(part for frame in TWO for part in frame.to_bytes())


def segment_of(data):
    storage = MemoryStorage()
    storage.append("runs/F/1/logs/main.log", data)
    return LogSegment(storage, "F", "1", "main")


@given(st.lists(frames))
def test_frames_come_back_as_they_were(some):
    """Any bytes, in any order of tasks."""
    log = LogSegment(MemoryStorage(), "F", "1", "main")
    spans = [log.append(frame) for frame in some]
    if some:
        assert [*log.frames()] == some
        assert [*log.frames(spans[0][0], spans[0][1])] == some[:1]
        assert [*log.frames(spans[-1][0])] == some[-1:]
        assert [*log.frames(spans[0][0], spans[-1][1])] == some


def test_a_task_finds_its_own_among_others():
    """Sixteen tasks print at once."""
    assert [frame.data for frame in segment_of(BYTES).frames() if frame.is_of("b", "2", 1)] == [b"\xff 3"]


def test_the_header_is_text_as_documented():
    """`grep -a` finds a task's output."""
    assert BYTES.startswith(b"a 1 0 stdout 1.25 8 ")


@pytest.mark.parametrize("length", range(len(BYTES)))
def test_a_torn_tail_is_ignored_at_every_byte(length):
    """A killed scheduler leaves what was whole."""
    first = sum(map(len, TWO[0].to_bytes()))
    assert len([*segment_of(BYTES[:length]).frames()]) == (length >= first)


def test_every_flipped_bit_is_found():
    """Never a changed line, never a lost one."""
    for bit in range(len(BYTES) * 8):
        damaged = bytearray(BYTES)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedLogError, match=r"log frame at byte .* of F/1/main is damaged"):
            list(segment_of(bytes(damaged)).frames())


def test_a_stream_has_one_of_two_names():
    """Readers colour them."""
    with pytest.raises(InvalidRecordError):
        LogFrame("a", "1", 0, "stdlog", 1.0, b"")


@given(st.lists(frames, min_size=1), st.data())
def test_a_growing_log_is_read_on_from_where_it_was(some, data):
    """Whoever follows a log reads nothing twice, and no half frame."""
    storage = MemoryStorage()
    log = LogSegment(storage, "F", "1", "main")
    whole = b"".join(part for frame in some for part in frame.to_bytes())
    cut = data.draw(st.integers(0, len(whole)))
    storage.append("runs/F/1/logs/main.log", whole[:cut])
    first, offset = log.frames_since(0)
    storage.append("runs/F/1/logs/main.log", whole[cut:])
    second, end = log.frames_since(offset)
    assert first + second == some
    assert log.frames_since(end) == ([], end)
