import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import (
    Heartbeat,
    ProcessIdentity,
    RunEnded,
    RunStarted,
    RunState,
    RunSummary,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
    TaskState,
)
from flowstone_datastore.testing import records

PROCESS = ProcessIdentity("host", "boot", "pid:[1]", 4711, 99)
STARTED = RunStarted(time=100.0, flow="F", run_id="1", tags=("a", "b"), process=PROCESS, heartbeat_seconds=10.0)


def summary(*later, now=101.0, alive=None, started=STARTED):
    return RunSummary.of(
        [started, *later], now=now, is_alive=lambda process: alive if process == PROCESS else 1 / 0
    )


def test_a_run_whose_process_lives_is_running():
    """However long it was silent: a laptop may have slept."""
    assert summary(alive=True, now=1e9).state is RunState.RUNNING


def test_a_run_whose_process_is_gone_died():
    """At once, without waiting for heartbeats to stop."""
    run = summary(Heartbeat(time=105.0), alive=False, now=106.0)
    assert run.state is RunState.DIED
    assert run.finished_at == 105.0


@pytest.mark.parametrize(("now", "state"), [(134.9, RunState.RUNNING), (135.1, RunState.DIED)])
def test_where_the_process_cannot_be_seen_silence_tells(now, state):
    """Three missed heartbeats, on another machine."""
    assert summary(Heartbeat(time=105.0), now=now).state is state


def test_a_run_that_promised_no_heartbeat_is_running_until_it_says_otherwise():
    """A production scheduler may sleep for days."""
    run = summary(now=1e9, started=RunStarted(time=100.0, flow="F", run_id="1"))
    assert run.state is RunState.RUNNING
    assert run.finished_at is None


def test_a_run_that_somebody_goes_on_with_is_running_again():
    """Its end counts no longer, until there is another."""
    started = RunStarted(time=100.0, flow="F", run_id="1")
    failed, again = RunEnded(time=110.0, state="failed"), Heartbeat(time=120.0)
    run = summary(failed, again, now=1e9, started=started)
    assert (run.state, run.ended) == (RunState.RUNNING, None)
    run = summary(failed, again, RunEnded(time=130.0, state="finished"), now=1e9, started=started)
    assert run.state is RunState.FINISHED


@pytest.mark.parametrize("state", ["finished", "failed", "cancelled"])
def test_a_run_that_ended_says_how(state):
    """Its process is gone by then, which says nothing."""
    run = summary(RunEnded(time=110.0, state=state), alive=False, now=1e9)
    assert run.state is RunState(state)
    assert run.finished_at == 110.0


def test_a_run_that_was_only_claimed_has_not_begun():
    """There is nothing to tell of it."""
    assert RunSummary.of([], now=0.0, is_alive=lambda _: None) is None
    assert RunSummary.of([Heartbeat(time=1.0)], now=0.0, is_alive=lambda _: None) is None


def test_the_latest_attempt_counts():
    """Even if an earlier one's end arrives late, from another machine."""
    task = {"step": "fit", "task": "3"}
    run = summary(
        TaskStarted(time=101.0, **task),
        TaskStarted(time=103.0, **task, attempt=1),
        TaskFailed(time=104.0, **task, will_retry=True),
    )
    latest = run.tasks["fit", "3"]
    assert (latest.attempt, latest.state, latest.ended) == (1, TaskState.RUNNING, None)
    run = summary(TaskStarted(time=101.0, **task), TaskFailed(time=104.0, **task))
    assert run.tasks["fit", "3"].state is TaskState.FAILED
    run = summary(TaskFailed(time=101.0, **task), TaskFinished(time=104.0, **task, attempt=1))
    assert run.tasks["fit", "3"].state is TaskState.FINISHED
    assert run.tasks["fit", "3"].started is None


def test_tags_change_in_order():
    """What was added last is there."""
    run = summary(
        TagsChanged(time=101.0, removed=("a",), added=("c",)), TagsChanged(time=102.0, removed=("c", "x"))
    )
    assert run.tags == {"b"}


@given(st.lists(records()))
def test_the_same_record_twice_counts_once(some):
    """Segments may be copied before they are deleted."""

    def fold(records):
        return RunSummary.of([STARTED, *records], now=0.0, is_alive=lambda _: None)

    assert fold([record for record in some for _ in range(2)]) == fold(some)
