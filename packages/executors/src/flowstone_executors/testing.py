"""The conformance kit: what every executor must do, as tests to inherit.

    class TestMine(ExecutorContract):
        def make_executor(self, post):
            return MyExecutor(post)

Requests name the program `python -m flowstone_executors.contract_program`, and their payload
tells it what to do; an executor that calls a program instead of executing one is
given `contract_program`. Needs pytest (extra `testing`).
"""

import json
import os
import queue
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstone_executors.contract_program import contract_program
from flowstone_interfaces import (
    Executor,
    PostEvent,
    Reason,
    Stream,
    TaskEvent,
    TaskFinished,
    TaskLog,
    TaskRequest,
    TaskStarted,
)

__all__ = [
    "Events",
    "ExecutorContract",
    "contract_program",
    "contract_request",
    "is_running",
    "wait_until_gone",
]

_PATIENCE_SECONDS = 30.0


def contract_request(request_id: str, *actions: tuple[str, Any], **fields: Any) -> TaskRequest:
    """A request whose program does `actions`."""
    argv = (sys.executable, "-m", "flowstone_executors.contract_program")
    return TaskRequest(request_id, argv, json.dumps(actions).encode(), **fields)


class Events:
    """Collects what an executor posts."""

    def __init__(self, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._queue: queue.SimpleQueue[TaskEvent] = queue.SimpleQueue()
        self.seen: list[TaskEvent] = []

    def post(self, event: TaskEvent) -> None:
        """The `PostEvent` to give to the executor."""
        self._queue.put(event)

    def until(self, kind: type[TaskEvent], count: int = 1) -> list[TaskEvent]:
        """Wait until `count` events of the kind were seen; all events so far."""
        deadline = time.monotonic() + self._patience_seconds
        while sum(isinstance(event, kind) for event in self.seen) < count:
            self.seen.append(self._queue.get(timeout=max(0.01, deadline - time.monotonic())))
        return self.seen

    def drain(self) -> list[TaskEvent]:
        """All events so far, without waiting."""
        while not self._queue.empty():
            self.seen.append(self._queue.get())
        return self.seen

    def output(self, stream: Stream) -> bytes:
        """What was written to the stream, joined."""
        return b"".join(e.data for e in self.seen if isinstance(e, TaskLog) and e.stream is stream)

    def finished(self) -> list[TaskFinished]:
        """The ends seen so far."""
        return [event for event in self.seen if isinstance(event, TaskFinished)]


def is_running(pid: int) -> bool:
    """True if the process exists and is no zombie."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # gone in between; or a system without /proc, where its being there must do
        return not Path("/proc/self").exists()
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    """Wait for the process to disappear; fails after half a minute."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


class ExecutorContract:
    """Inherit, give `make_executor`, and pytest checks the executor."""

    can_interrupt = True
    """False for an executor that runs within `submit`: cancel, time limits and children are not its own."""
    has_output = True
    """False for an executor that leaves output where it goes."""
    patience_seconds = _PATIENCE_SECONDS
    """So long the tests wait for an event: more, for an executor whose machines take their time."""

    def make_executor(self, post: PostEvent) -> Executor:
        """Build the executor under test."""
        raise NotImplementedError("a conformance test gives make_executor")

    @pytest.fixture
    def events(self) -> Events:
        """What the executor under test posts."""
        return Events(self.patience_seconds)

    @pytest.fixture
    def executor(self, events: Events) -> Iterator[Executor]:
        """The executor under test; closed at the end."""
        executor = self.make_executor(events.post)
        yield executor
        executor.close()

    def _needs(self, ability: bool) -> None:
        if not ability:
            pytest.skip("not an ability of this executor")

    def test_a_request_starts_then_finishes_with_its_exit_code(self, executor: Executor, events: Events) -> None:
        """The scheduler's whole picture of a task is made of these two."""
        executor.submit(contract_request("one", ("exit", 7)))
        seen = events.until(TaskFinished)
        assert [type(e) for e in seen if not isinstance(e, TaskLog)] == [TaskStarted, TaskFinished]
        end = events.finished()[0]
        assert (end.request_id, end.reason, end.exit_code) == ("one", Reason.EXITED, 7)

    def test_the_result_arrives_whole(self, executor: Executor, events: Events) -> None:
        """A result larger than any pipe's buffer needs a reader while the task runs."""
        text = "x" * 3_000_000
        executor.submit(contract_request("one", ("result", text)))
        events.until(TaskFinished)
        assert events.finished()[0].result == text.encode()

    def test_no_result_is_none(self, executor: Executor, events: Events) -> None:
        """A task that dies before it reports must not look as if it reported nothing."""
        executor.submit(contract_request("one", ("exit", 0)))
        events.until(TaskFinished)
        assert events.finished()[0].result is None

    def test_output_is_complete_and_keeps_its_stream(self, executor: Executor, events: Events) -> None:
        """Logs are data: nothing is lost, not even without a newline at the end."""
        self._needs(self.has_output)
        executor.submit(
            contract_request("one", ("write", ["stdout", "abc\n", 100_000]), ("write", ["stderr", "é", 1]))
        )
        events.until(TaskFinished)
        assert events.output(Stream.STDOUT) == b"abc\n" * 100_000
        assert events.output(Stream.STDERR) == "é".encode()

    def test_nothing_comes_after_the_end(self, executor: Executor, events: Events) -> None:
        """The scheduler forgets a task at its end."""
        executor.submit(contract_request("one", ("write", ["stdout", "x" * 1000, 1000])))
        events.until(TaskFinished)
        time.sleep(0.05)
        assert isinstance(events.drain()[-1], TaskFinished)

    def test_environment_variables_reach_the_program_and_no_other(
        self, executor: Executor, events: Events
    ) -> None:
        """One task's variables must not leak into the next one's."""
        executor.submit(
            contract_request("one", ("variable", "FLOWSTONE_CONTRACT"), environ={"FLOWSTONE_CONTRACT": "ä b"})
        )
        events.until(TaskFinished, 1)
        executor.submit(contract_request("two", ("variable", "FLOWSTONE_CONTRACT")))
        events.until(TaskFinished, 2)
        assert [json.loads(e.result or b"") for e in events.finished()] == ["ä b", None]

    def test_many_requests_at_once_all_end_once(self, executor: Executor, events: Events) -> None:
        """Fan-out is the normal case."""
        for number in range(40):
            executor.submit(contract_request(str(number), ("result", str(number))))
        events.until(TaskFinished, 40)
        results = {e.request_id: e.result for e in events.finished()}
        assert results == {str(number): str(number).encode() for number in range(40)}

    def test_an_id_may_be_used_again_after_its_end(self, executor: Executor, events: Events) -> None:
        """Retries are new requests."""
        for count in (1, 2):
            executor.submit(contract_request("again", ("exit", 0)))
            events.until(TaskFinished, count)
        assert len(events.finished()) == 2

    def test_a_signal_is_told_from_an_exit(self, executor: Executor, events: Events) -> None:
        """A segmentation fault is not the user's return value."""
        self._needs(self.can_interrupt)
        executor.submit(contract_request("one", ("signal", int(signal.SIGSEGV))))
        events.until(TaskFinished)
        end = events.finished()[0]
        assert (end.reason, end.exit_code) == (Reason.SIGNALLED, -signal.SIGSEGV)

    def test_cancel_stops_the_task_and_its_children(
        self, executor: Executor, events: Events, tmp_path: Path
    ) -> None:
        """A cancelled task that goes on computing costs money."""
        self._needs(self.can_interrupt)
        executor.submit(contract_request("one", ("child", str(tmp_path / "pid")), ("sleep", 600)))
        child = self._child_pid(tmp_path / "pid")
        executor.cancel("one")
        events.until(TaskFinished)
        assert events.finished()[0].reason is Reason.CANCELLED
        wait_until_gone(child)

    def test_cancel_of_a_stranger_does_nothing(self, executor: Executor, events: Events) -> None:
        """It may have finished while the call was on its way."""
        executor.cancel("nobody")
        executor.submit(contract_request("one", ("exit", 0)))
        events.until(TaskFinished)
        executor.cancel("one")
        assert events.finished()[0].reason is Reason.EXITED

    def test_a_time_limit_is_kept(self, executor: Executor, events: Events) -> None:
        """And it says that it was the limit."""
        self._needs(self.can_interrupt)
        executor.submit(contract_request("one", ("sleep", 600), timeout_seconds=0.2))
        events.until(TaskFinished)
        end = events.finished()[0]
        assert end.reason is Reason.TIMED_OUT
        assert end.message

    def test_what_a_task_leaves_running_ends_with_it(
        self, executor: Executor, events: Events, tmp_path: Path
    ) -> None:
        """No orphans: a forgotten child would hold memory and the task's pipes."""
        self._needs(self.can_interrupt)
        executor.submit(contract_request("one", ("child", str(tmp_path / "pid")), ("exit", 0)))
        events.until(TaskFinished)
        wait_until_gone(self._child_pid(tmp_path / "pid"))

    def test_close_ends_everything(self, executor: Executor, events: Events, tmp_path: Path) -> None:
        """After close nothing runs, and every request has had its end."""
        self._needs(self.can_interrupt)
        for number in range(3):
            pid_file = str(tmp_path / str(number))
            executor.submit(contract_request(str(number), ("child", pid_file), ("sleep", 600)))
        children = [self._child_pid(tmp_path / str(number)) for number in range(3)]
        executor.close()
        events.drain()
        assert sorted(e.request_id for e in events.finished()) == ["0", "1", "2"]
        for child in children:
            wait_until_gone(child)
        executor.close()

    def _child_pid(self, pid_file: Path) -> int:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not pid_file.exists():
            assert time.monotonic() < deadline, "the program did not start its child"
            time.sleep(0.01)
        return int(pid_file.read_text())
