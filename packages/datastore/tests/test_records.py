import contextlib
import json
import zlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import (
    Code,
    Heartbeat,
    InvalidRecordError,
    ProcessIdentity,
    RunEnded,
    RunStarted,
    TaskStarted,
    Transition,
    address_of,
)
from flowstone_datastore.record_line import from_json, from_line, to_json, to_line
from flowstone_datastore.testing import records

ADDRESS = address_of(b"")


@given(records())
def test_a_record_survives_its_line(record):
    """What was written is what is read."""
    line = to_line(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert from_line(line[:-1]) == record


@given(records())
def test_a_line_is_json_with_its_sum_as_documented(record):
    """FORMAT.md: `jq` reads it, and CRC-32 from the 19th byte on is its sum."""
    line = to_line(record)[:-1]
    raw = json.loads(line)
    assert [*raw][:3] == ["sum", "type", "time"]
    assert raw["sum"] == f"{zlib.crc32(line[18:]):08x}"


@given(records())
def test_unknown_fields_are_ignored(record):
    """A later release of the same format may add some."""
    raw = {**to_json(record), "color": "red", "nested": {"x": [1]}}
    assert from_json(raw) == record


def test_unknown_types_are_ignored():
    """And may add events."""
    assert from_json({"type": "coffee-break", "time": "whenever"}) is None


def test_defaults_are_left_out():
    """Ten thousand task records are mostly defaults."""
    assert to_json(Heartbeat(time=1.5)) == {"type": "heartbeat", "time": 1.5}
    task = to_json(TaskStarted(time=1.0, step="a", task="1"))
    assert task == {"type": "task-started", "time": 1.0, "step": "a", "task": "1"}


def test_one_record_as_format_md_shows_it():
    """The document is the contract."""
    assert (
        to_line(Heartbeat(time=1767225600.25)) == b'{"sum":"fd464ce4","type":"heartbeat","time":1767225600.25}\n'
    )


TASK = {"type": "task-started", "time": 1.0, "step": "a", "task": "1"}
FINISHED = {**TASK, "type": "task-finished"}
RUN = {"type": "run-started", "time": 1.0, "flow": "F", "run_id": "1"}
HOSTILE = [
    None,
    [],
    {},
    {"type": None},
    {"type": "heartbeat"},
    {"type": "heartbeat", "time": "1"},
    {"type": "heartbeat", "time": True},
    {"type": "heartbeat", "time": float("nan")},
    {"type": "run-ended", "time": 1.0, "state": "exploded"},
    {**TASK, "step": "../../etc"},
    {**TASK, "task": ""},
    {**TASK, "task": 3},
    {**TASK, "attempt": -1},
    {**TASK, "attempt": 10**30},
    {**TASK, "time": 10**400},
    {**TASK, "stack": [["a", 1]]},
    {**TASK, "stack": [["a", "1", 2]]},
    {**TASK, "stack": "abc"},
    {**TASK, "parents": [["a"]]},
    {**TASK, "parents": [[1, 2]]},
    {**FINISHED, "artifacts": []},
    {**FINISHED, "reads": []},
    {**FINISHED, "reads": {"parameters": {"x": "no address"}}},
    {**FINISHED, "reads": {"artifacts": {"a/1": []}}},
    {**FINISHED, "reads": {"artifacts": 3}},
    {**FINISHED, "transition": "end"},
    {**FINISHED, "transition": {"targets": "end"}},
    {**FINISHED, "transition": {"targets": [1]}},
    {**FINISHED, "transition": {"targets": [], "count": "3"}},
    {**FINISHED, "logs": ["../x", 0, 1]},
    {**FINISHED, "logs": ["x", 0]},
    {**FINISHED, "seconds": []},
    {**RUN, "parameters": []},
    {**RUN, "parameters": {"x": None}},
    {**RUN, "tags": "tag"},
    {**RUN, "tags": [1]},
    {**RUN, "graph": []},
    {**RUN, "versions": {"python": 3}},
    {**RUN, "process": {"pid": 1}},
    {**RUN, "process": 4711},
    {**RUN, "code": {"flow_file": "a.py"}},
    {**RUN, "code": {"flow_file": "../a.py", "files": {}}},
    *[
        {**RUN, "code": {"flow_file": "a.py", "files": {path: [ADDRESS, 1]}}}
        for path in ("/etc/passwd", "../x", "a/../../x", "", ".", "a//b", "a\\b", "a\0", "./a")
    ],
]


@pytest.mark.parametrize("raw", HOSTILE, ids=str)
def test_hostile_records_are_refused(raw):
    """Path traversal, absurd sizes, wrong types: one typed error."""
    with pytest.raises(InvalidRecordError, match=r"FORMAT\.md"):
        from_json(raw)


@given(st.sampled_from([TASK, FINISHED, RUN]), st.text(), st.data())
def test_any_field_of_any_type_is_a_record_or_a_typed_error(raw, name, data):
    """No `KeyError`, no `TypeError`, ever."""
    anything = st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
    name = data.draw(
        st.sampled_from(["artifacts", "reads", "transition", "logs", "stack", "parents", "code", "process", name])
    )
    with contextlib.suppress(InvalidRecordError):
        from_json({**raw, name: data.draw(anything)})


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes", object()])
def test_what_is_not_json_cannot_be_recorded(value):
    """Settings come from outside; the journal stays readable for everybody."""
    with pytest.raises(InvalidRecordError):
        to_line(RunStarted(time=1.0, flow="F", run_id="1", settings={"x": value}))


def test_a_wrong_value_is_refused_when_the_record_is_built():
    """Close to who did it, not in the journal."""
    with pytest.raises(InvalidRecordError, match=r"RunEnded.state .* is not one of finished, failed, cancelled"):
        RunEnded(time=1.0, state="done")
    with pytest.raises(InvalidRecordError, match=r"TaskStarted.step .* a name of letters"):
        TaskStarted(time=1.0, step="a/b", task="1")
    with pytest.raises(InvalidRecordError):
        Transition([3])
    with pytest.raises(InvalidRecordError):
        Code("../a.py", {})
    with pytest.raises(InvalidRecordError):
        ProcessIdentity("host", "boot", "pid:[1]", -1, 0)


def test_records_are_values():
    """They travel between threads and processes."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Heartbeat(time=1.0).time = 2.0
