import pickle
from typing import get_args

import attrs
import pytest

from flowstone_interfaces import Reason, Stream, TaskEvent, TaskFinished, TaskLog, TaskStarted

EVENTS = [
    TaskStarted("1", "pid 4711"),
    TaskLog("1", Stream.STDERR, b"\xff\n"),
    TaskFinished("1", Reason.SIGNALLED, -9, None, "it was killed", 0.5, 12.0),
]


def test_every_kind_of_event_is_tested_here():
    """There are three, and they are one union to match on."""
    assert {type(event) for event in EVENTS} == set(get_args(TaskEvent))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_a_frozen_value(event):
    """It is posted from one thread and read in another."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.request_id = "2"
    assert hash(attrs.evolve(event)) == hash(event)
    assert attrs.evolve(event) == event
    assert attrs.evolve(event, request_id="2") != event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_way_between_processes(event):
    """An executor's helper may post it."""
    copy = pickle.loads(pickle.dumps(event))
    assert copy == event
    assert type(copy) is type(event)


def test_reasons_and_streams_are_words():
    """They stand in journals and logs."""
    assert {stream.value for stream in Stream} == {"stdout", "stderr"}
    assert all(reason.value == reason.name.lower() for reason in Reason)


def test_an_end_says_no_more_than_is_known():
    """A lost machine leaves no exit code."""
    lost = TaskFinished("1", Reason.LOST)
    assert (lost.exit_code, lost.result, lost.message, lost.cpu_seconds, lost.max_memory_mib) == (
        None, None, "", None, None,
    )  # fmt: skip
