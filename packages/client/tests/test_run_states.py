"""The five states of a run, told apart from its journal alone."""

import os
import signal
import subprocess
import sys
import threading
import time

import attrs
import pytest

from flowstone_client import NotStartedError, StillRunningError
from flowstone_datastore import Heartbeat, RunState, TagsChanged, TaskState, current_process

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which process is which")

DRIVE = """
import sys, time
from flowstone_datastore import *
store = Datastore.open(sys.argv[1])
writer = store.journal("Train", "1").writer("main")
process = current_process()
writer.append(RunStarted(time=time.time(), flow="Train", run_id="1", process=process, heartbeat_seconds=60))
writer.append(TaskStarted(time=time.time(), step="start", task="0"))
print("go", flush=True)
time.sleep(600)
"""


def verdict(run):
    """State, and what people ask instead of it."""
    return run.state, run.finished, run.successful


@ON_LINUX
def test_a_run_whose_driver_lives_is_running(new_run):
    """However long it has been silent: it may be busy."""
    written = new_run()
    written.start(process=current_process(), heartbeat_seconds=0.001)
    run = written.read()
    assert verdict(run) == (RunState.RUNNING, False, False)
    assert run.finished_at is None
    assert run.message == ""


@pytest.mark.parametrize(("state", "is_successful"), [("finished", True), ("failed", False), ("cancelled", False)])
def test_a_run_that_said_how_it_ended_ended_so(new_run, state, is_successful):
    """Whether its driver still lives or not."""
    written = new_run()
    written.start(process=current_process())
    written.end(state, "because")
    run = written.read()
    assert verdict(run) == (RunState(state), True, is_successful)
    assert run.message == "because"
    assert run.finished_at.timestamp() == pytest.approx(written.now, abs=1e-5)


@ON_LINUX
def test_a_run_whose_driver_was_killed_has_died(new_run, store):
    """Nobody waits for it for ever, and nobody takes it for failed by its own fault."""
    written = new_run()
    argv = [sys.executable, "-W", "error", "-c", DRIVE, store.storage.root]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "go\n"
        run = written.read()
        assert verdict(run) == (RunState.RUNNING, False, False)
        assert run["start"].task.state is TaskState.RUNNING
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert verdict(run) == (RunState.DIED, True, False)
    assert verdict(written.read()) == (RunState.DIED, True, False)
    assert run.finished_at.timestamp() == pytest.approx(run.summary.last_sign, abs=1e-5)
    assert [task.pathspec for task in run.failed_tasks] == ["Train/1/start/0"]


def elsewhere():
    """The driver of a run on another machine: whether it lives cannot be told from here."""
    return attrs.evolve(current_process(), host="another-machine")


@pytest.mark.parametrize("is_driven", [True, False])
def test_a_run_elsewhere_that_missed_its_heartbeats_has_died(new_run, is_driven):
    """A reclaimed machine says no goodbye."""
    written = new_run(now=time.time() - 100)
    written.start(process=elsewhere() if is_driven else None, heartbeat_seconds=10)
    run = written.read()
    assert verdict(run) == (RunState.DIED, True, False)
    assert run.finished_at.timestamp() == pytest.approx(written.now, abs=1e-5)


def test_a_run_elsewhere_that_is_heard_of_is_running(new_run):
    """Any record is a sign of life; a heartbeat is one that says nothing else."""
    written = new_run(now=time.time() - 100)
    written.start(process=elsewhere(), heartbeat_seconds=10)
    run = written.read()
    assert run.state is RunState.DIED
    written.append(Heartbeat(time=time.time() - 5))
    assert run.state is RunState.RUNNING


def test_a_run_that_promises_nothing_is_running(new_run):
    """There is nothing to tell it from one whose machine is slow."""
    written = new_run()
    written.start()
    assert written.read().state is RunState.RUNNING


def test_a_run_that_was_claimed_only_has_not_begun(new_run):
    """It has no state yet, and says what to do."""
    run = new_run().read()
    assert not run.has_begun
    with pytest.raises(NotStartedError, match=r"Train/1 has not begun: .* ask again, or it was stopped"):
        _ = run.state
    assert repr(run) == "Run('Train/1', not begun)"


def test_a_growing_run_is_seen_anew(new_run):
    """A notebook that watches a run holds one object."""
    written = new_run()
    run = written.read()
    assert not run.has_begun
    written.start()
    assert [step.id for step in run.steps()] == []
    written.start_task("start")
    assert run["start"].task.state is TaskState.RUNNING
    written.finish_task("start", values={"x": 1})
    assert run["start"].task.data.x == 1
    written.append(TagsChanged(time=written.tick(), added=("good",)))
    assert run.user_tags == {"good"}
    assert "end" not in run
    written.run_task("end")
    assert "end" in run
    assert run.state is RunState.RUNNING
    written.end()
    assert run.state is RunState.FINISHED


def test_what_arrives_late_from_another_writer_is_put_in_its_place(new_run):
    """Watching a run and looking at it afterwards must tell the same story."""
    written = new_run()
    written.start()
    watched = written.read()
    written.append(TagsChanged(time=written.now + 5, removed=("a",)), "one")
    assert watched.user_tags == set()
    written.append(TagsChanged(time=written.now + 2, added=("a",)), "two")
    written.append(TagsChanged(time=written.now + 5, added=("b",)), "three")
    written.append(TagsChanged(time=written.now - 9, removed=("b",)), "three")
    written.append(TagsChanged(time=written.now - 9, added=("c",)), "three")
    assert watched.user_tags == written.read().user_tags == {"c"}


def test_a_run_that_has_ended_is_not_read_again(new_run, store, monkeypatch):
    """Its state cannot change, and a store may be far away."""
    written = new_run()
    written.complete()
    run = written.read()
    assert run.successful
    monkeypatch.setattr(store.storage, "read", None)
    monkeypatch.setattr(store.storage, "list", None)
    assert run.successful
    assert [step.id for step in run.steps()] == ["start", "end"]


def test_waiting_for_a_run_that_has_ended_takes_no_time(new_run):
    """`run.wait().data` is how scripts are written."""
    written = new_run()
    written.complete({"x": 1})
    run = written.read()
    assert run.wait(timeout_seconds=0) is run
    assert run.wait().data.x == 1


def test_waiting_ends_when_the_run_does(new_run):
    """Even if it had not begun."""
    written = new_run()
    run = written.read()
    writer = threading.Timer(0.05, written.complete)
    writer.start()
    try:
        assert run.wait(timeout_seconds=60, poll_seconds=0.01) is run
    finally:
        writer.join()
    assert run.successful


def test_waiting_has_an_end(new_run):
    """A run may hang; whoever waits is told which, and since when."""
    written = new_run()
    written.start()
    with pytest.raises(
        StillRunningError, match=r"Train/1 has not ended after 0\.02 seconds; wait longer"
    ) as caught:
        written.read().wait(timeout_seconds=0.02, poll_seconds=0.005)
    assert isinstance(caught.value, TimeoutError)


@ON_LINUX
def test_waiting_ends_when_the_driver_dies(new_run, store):
    """Nobody else would ever say that it is over."""
    written = new_run()
    argv = [sys.executable, "-W", "error", "-c", DRIVE, store.storage.root]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "go\n"
        killer = threading.Timer(0.05, os.kill, (driver.pid, signal.SIGKILL))
        killer.start()
        run = written.read().wait(timeout_seconds=60, poll_seconds=0.01)
        killer.join()
    assert run.state is RunState.DIED
