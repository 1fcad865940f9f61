import queue
import signal
import threading
import time
from collections.abc import Callable

import attrs
import pytest

from flowstone_datastore import (
    Datastore,
    Heartbeat,
    MemoryStorage,
    RunStarted,
    TaskError,
    TaskFailed,
    TaskFinished,
    TaskStarted,
    Transition,
)
from flowstone_datastore.record_line import to_line
from flowstone_graph import FlowGraph, Kind, Node
from flowstone_interfaces import Reason, Stream, TaskEvent, TaskLog, TaskRequest
from flowstone_interfaces import TaskFinished as Finished
from flowstone_interfaces import TaskStarted as Started
from flowstone_runtime.decorators.batch import Batch
from flowstone_runtime.remote.launch import LaunchRef
from flowstone_runtime.scheduling.machine import Capacity
from flowstone_runtime.scheduling.ready_queue import Limits
from flowstone_runtime.scheduling.run_plan import Outcome, RunPlan, StopRequest
from flowstone_runtime.scheduling.scheduler import Scheduler
from flowstone_runtime.tasks.task_spec import TaskSpec

GRAPH = FlowGraph(
    "Fan",
    (
        Node("start", Kind.FOREACH, ("work",), foreach="items"),
        Node("work", Kind.LINEAR, ("join",)),
        Node("join", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    ),
    "start",
    "end",
)


class Executor:
    """Does at once what every task is to do, and keeps the promises of `Executor` while it does.

    `answer` gives the events of one request, or `None` to leave it running until it is
    cancelled or the executor is closed.
    """

    def __init__(self, post: Callable[[TaskEvent], None], answer: Callable[[TaskSpec], list[TaskEvent] | None]):
        self._post = post
        self._answer = answer
        self.requests: dict[str, TaskRequest] = {}
        self.running: list[str] = []
        self.most_running = 0
        self.is_closed = False

    def submit(self, request: TaskRequest) -> None:
        self.requests[request.id] = request
        self.running.append(request.id)
        self.most_running = max(self.most_running, len(self.running))
        events = self._answer(TaskSpec.from_json(request.payload))
        if events is None:
            self._post(Started(request.id, "here"))
            return
        self.finish(request.id, events)

    def finish(self, request_id: str, events: list[TaskEvent]) -> None:
        for event in events:
            self._post(attrs.evolve(event, request_id=request_id))
        self.running.remove(request_id)

    def cancel(self, request_id: str) -> None:
        if request_id in self.running:
            self.running.remove(request_id)
            self._post(Finished(request_id, Reason.CANCELLED, exit_code=-9))

    def close(self) -> None:
        for request_id in list(self.running):
            self.cancel(request_id)
        self.is_closed = True


def well_done(spec: TaskSpec, count: int = 3) -> list[TaskEvent]:
    """What a worker sends whose step went well."""
    node = GRAPH[spec.key.step]
    leaving = Transition(node.targets, count if node.kind is Kind.FOREACH else None) if node.targets else None
    record = TaskFinished(time=1.0, step=spec.key.step, task=spec.key.id, transition=leaving, seconds=0.5)
    return [
        Started("", "here"),
        Finished("", Reason.EXITED, exit_code=0, result=to_line(record), cpu_seconds=0.25, max_memory_mib=17.0),
    ]


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, name: str):
        return lambda *arguments: self.calls.append((name, *arguments))

    def of(self, name: str) -> list[tuple]:
        return [call[1:] for call in self.calls if call[0] == name]


class Run:
    """A scheduler with all that it needs, over memory."""

    def __init__(self, answer=well_done, **plan) -> None:
        self.datastore = Datastore.at(MemoryStorage(), create=True)
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.executor = Executor(self.events.put, answer)
        self.told = Told()
        self.journal = self.datastore.journal("Fan", "r1")
        writer = self.journal.writer("scheduler")
        ref = writer.append(RunStarted(time=0.0, flow="Fan", run_id="r1"))
        fields = {
            "graph": GRAPH,
            "store": "memory://",
            "run_id": "r1",
            "run_record": ref,
            "main_file": "/flow.py",
            "main_module": None,
            "worker_argv": ("python", "worker"),
            "limits": Limits(2),
            "capacity": Capacity(8, 16_000, 0),
            "environ": {},
            "heartbeat_seconds": 60.0,
        }
        logs = self.datastore.log("Fan", "r1", "scheduler")
        self.scheduler = Scheduler(
            RunPlan(**{**fields, **plan}), self.executor, self.events, writer, logs, self.told
        )

    def to_its_end(self) -> Outcome:
        return self.scheduler.run()

    def records(self, kind, **fields):
        found = [record for _, record in self.journal.records() if isinstance(record, kind)]
        return [r for r in found if all(getattr(r, name) == value for name, value in fields.items())]


def test_a_run_that_goes_well_is_in_the_journal_from_start_to_end() -> None:
    """Each task with its place in the foreach and its parents, each end with what the executor measured."""
    run = Run()
    assert run.to_its_end() == Outcome("finished")
    started = {(r.step, r.task): (r.stack, r.parents) for r in run.records(TaskStarted)}
    work = {("work", str(index)): ((("start", index, 3),), (("start", "0"),)) for index in range(3)}
    assert started == {
        ("start", "0"): ((), ()),
        **work,
        ("join", "0"): ((), (("work", "0"), ("work", "1"), ("work", "2"))),
        ("end", "0"): ((), (("join", "0"),)),
    }
    finished = run.records(TaskFinished)
    assert len(finished) == 6
    assert {(r.seconds, r.cpu_seconds, r.max_memory_mib) for r in finished} == {(0.5, 0.25, 17.0)}
    assert run.executor.is_closed


def test_a_task_is_told_where_its_parents_records_are() -> None:
    """A worker reads them by one ranged read each."""
    run = Run()
    run.to_its_end()
    spec = TaskSpec.from_json(run.executor.requests["join/0"].payload)
    found = [run.journal.read(parent.record) for parent in spec.parents]
    assert [(record.step, record.task) for record in found] == [("work", "0"), ("work", "1"), ("work", "2")]
    assert isinstance(run.journal.read(spec.run_record), RunStarted)
    assert (spec.split, spec.main_file, spec.verify) == (None, "/flow.py", "once")
    assert run.executor.requests["join/0"].argv == ("python", "worker")


def test_a_join_after_no_items_is_told_where_the_foreach_is() -> None:
    """It has no parents to ask."""
    run = Run(lambda spec: well_done(spec, count=0))
    assert run.to_its_end().state == "finished"
    spec = TaskSpec.from_json(run.executor.requests["join/0"].payload)
    assert spec.parents == ()
    assert run.journal.read(spec.split.record).step == "start"


@pytest.mark.parametrize(
    ("event", "reason", "words"),
    [
        (Finished("", Reason.LOST, message="the machine went away"), "lost", "the machine went away"),
        (Finished("", Reason.REFUSED, message="no such image"), "refused", "no such image"),
        (Finished("", Reason.TIMED_OUT, exit_code=-9, message="longer than 3 s"), "timed_out", "longer than 3 s"),
        (Finished("", Reason.SIGNALLED, exit_code=-signal.SIGKILL), "signalled", "SIGKILL; if nobody killed it"),
        (Finished("", Reason.SIGNALLED, exit_code=-signal.SIGSEGV), "signalled", "segmentation fault"),
        (Finished("", Reason.SIGNALLED, exit_code=-signal.SIGUSR1), "signalled", "killed by SIGUSR1"),
        (Finished("", Reason.SIGNALLED, exit_code=-1000), "signalled", "killed by signal 1000"),
        (Finished("", Reason.EXITED, exit_code=7), "exited", "ended with exit code 7 before the step was over"),
        (Finished("", Reason.EXITED, exit_code=0), "exited", "ended with exit code 0 before the step was over"),
    ],
)
def test_an_attempt_that_ends_without_a_word_of_its_own_is_explained(event, reason, words) -> None:
    """In the record, in the run's message, and to whoever watches."""
    run = Run(lambda spec: [event] if spec.key.step == "work" else well_done(spec), limits=Limits(1))
    outcome = run.to_its_end()
    assert outcome.state == "failed"
    assert outcome.message.startswith("Fan/r1/work/0 failed: ")
    assert words in outcome.message
    assert outcome.failed == ("Fan/r1/work/0",)
    (record,) = run.records(TaskFailed)
    assert (record.step, record.task, record.reason, record.exit_code) == ("work", "0", reason, event.exit_code)
    assert words in record.error.message
    ((step, task, message, place),) = run.told.of("task_failed")
    assert (step, task, place) == ("work", "0", "")
    assert words in message


def test_a_failure_that_the_worker_tells_is_told_in_its_words() -> None:
    """With the place in the user's code."""
    error = TaskError("ValueError", "the sky is down", "Traceback ...", "/flow.py", 7)

    def answer(spec):
        record = TaskFailed(time=1.0, step=spec.key.step, task=spec.key.id, error=error, reason="exception")
        return [
            Started("", "here"),
            Finished("", Reason.EXITED, exit_code=1, result=to_line(record), cpu_seconds=2.0),
        ]

    run = Run(answer)
    assert run.to_its_end().message == "Fan/r1/start/0 failed: ValueError: the sky is down"
    (record,) = run.records(TaskFailed)
    assert (record.error, record.reason, record.cpu_seconds) == (error, "exception", 2.0)
    assert run.told.of("task_failed") == [("start", "0", "ValueError: the sky is down", "/flow.py:7")]


@pytest.mark.parametrize(
    "end", [{"reason": Reason.SIGNALLED, "exit_code": -11}, {"reason": Reason.EXITED, "exit_code": 1}]
)
def test_good_news_from_a_process_that_ends_badly_are_none(end) -> None:
    """It crashed on its way out, with who knows what unwritten."""
    run = Run(
        lambda spec: [
            attrs.evolve(event, **end) if isinstance(event, Finished) else event for event in well_done(spec)
        ]
    )
    assert run.to_its_end().state == "failed"
    assert run.records(TaskFinished) == []


def test_the_first_failure_stops_what_still_runs_and_starts_nothing_new() -> None:
    """What was stopped is recorded, and not blamed."""

    def answer(spec):
        if spec.key.step != "work":
            return well_done(spec, count=5)
        return [Finished("", Reason.LOST, message="gone")] if spec.key.id == "1" else None

    run = Run(answer, limits=Limits(3))
    outcome = run.to_its_end()
    assert outcome.failed == ("Fan/r1/work/1",)
    assert run.executor.is_closed
    reasons = {record.task: record.reason for record in run.records(TaskFailed)}
    assert reasons.pop("1") == "lost"
    assert set(reasons.values()) == {"cancelled"}
    assert "work/4" not in run.executor.requests
    assert len(run.told.of("task_stopped")) == len(reasons)


def test_a_request_to_stop_cancels_the_run() -> None:
    """Ctrl-C, from a signal handler."""
    run = Run(lambda spec: well_done(spec) if spec.key.step == "start" else None)
    timer = threading.Timer(0.1, run.events.put, (StopRequest("stopped by SIGINT"),))
    timer.start()
    assert run.to_its_end() == Outcome("cancelled", "stopped by SIGINT")
    timer.join()
    assert {record.reason for record in run.records(TaskFailed)} == {"cancelled"}
    assert run.told.of("task_failed") == []


def test_what_finishes_while_the_run_stops_is_recorded_as_finished() -> None:
    """Its work is done: resume can use it."""

    class Finishes(Executor):
        def close(self):
            for request_id in list(self.running):
                spec = TaskSpec.from_json(self.requests[request_id].payload)
                self.finish(request_id, well_done(spec)[1:])
            super().close()

    run = Run(lambda spec: well_done(spec) if spec.key.step == "start" else None)
    run.executor.__class__ = Finishes
    run.events.put(StopRequest("enough"))
    run.to_its_end()
    assert run.records(TaskFailed) == []
    assert [record.step for record in run.records(TaskFinished)] == ["start"]


@pytest.mark.parametrize("workers", [1, 2, 5, 100])
def test_no_more_tasks_run_at_once_than_workers(workers) -> None:
    """And no fewer, while there is work."""
    waiting: list[tuple[str, list]] = []

    def answer(spec):
        if spec.key.step != "work":
            return well_done(spec, count=20)
        waiting.append((f"work/{spec.key.id}", well_done(spec)[1:]))
        return None

    run = Run(answer, limits=Limits(workers))
    peaks = []

    def release():
        while not run.executor.is_closed:
            if len(run.executor.running) >= min(workers, 20 - sum(peaks)) and waiting:
                peaks.append(len(waiting))
                while waiting:
                    run.executor.finish(*waiting.pop())
            time.sleep(0.005)

    thread = threading.Thread(target=release)
    thread.start()
    assert run.to_its_end().state == "finished"
    thread.join()
    assert run.executor.most_running == min(workers, 20)


def test_tasks_that_run_alone_get_all_cores_and_many_get_their_share() -> None:
    """What the user has set is his."""
    run = Run(
        lambda spec: well_done(spec, count=40),
        limits=Limits(4),
        capacity=Capacity(8, 16_000, 0),
        environ={"MKL_NUM_THREADS": "1"},
    )
    run.to_its_end()
    threads = {
        request_id: request.environ["OMP_NUM_THREADS"] for request_id, request in run.executor.requests.items()
    }
    assert (threads["start/0"], threads["work/0"], threads["join/0"]) == ("8", "2", "8")
    assert "MKL_NUM_THREADS" not in run.executor.requests["work/0"].environ


def test_a_run_in_which_nothing_happens_shows_that_it_lives() -> None:
    """Or nobody could tell it from one that died."""

    def answer(spec):
        if spec.key.step == "work":
            events = well_done(spec)[1:]
            threading.Timer(0.3, lambda: run.executor.finish(f"work/{spec.key.id}", events)).start()
            return None
        return well_done(spec, count=1)

    run = Run(answer, heartbeat_seconds=0.05)
    assert run.to_its_end().state == "finished"
    assert 2 <= len(run.records(Heartbeat)) <= 7


def test_output_alone_is_no_sign_of_life_in_the_journal() -> None:
    """A task that writes all the time leaves no silence in the queue, and no record either."""

    def answer(spec):
        if spec.key.step != "work":
            return well_done(spec, count=1)

        def write():
            for _ in range(30):
                run.events.put(TaskLog("work/0", Stream.STDOUT, b"line\n"))
                time.sleep(0.01)
            run.executor.finish("work/0", well_done(spec)[1:])

        threading.Thread(target=write).start()
        return None

    run = Run(answer, heartbeat_seconds=0.05)
    assert run.to_its_end().state == "finished"
    assert len(run.records(Heartbeat)) >= 2


def test_output_is_told_by_lines_and_kept_as_it_came() -> None:
    """Whole lines to people, bytes to the log; the record says where."""

    def answer(spec):
        began, ended = well_done(spec, count=0)
        if spec.key.step != "start":
            return [began, ended]
        logs = [
            TaskLog("", Stream.STDOUT, b"first\nsec"),
            TaskLog("", Stream.STDERR, b"an error"),
            TaskLog("", Stream.STDOUT, b"ond\n"),
        ]
        return [began, *logs, ended]

    run = Run(answer)
    run.to_its_end()
    assert run.told.of("task_output") == [
        ("start", "0", Stream.STDOUT, "first"),
        ("start", "0", Stream.STDOUT, "second"),
        ("start", "0", Stream.STDERR, "an error"),
    ]
    (record,) = run.records(TaskFinished, step="start")
    frames = list(run.datastore.log("Fan", "r1", record.logs.segment).frames(record.logs.start, record.logs.end))
    assert [(frame.stream, frame.data) for frame in frames] == [
        ("stdout", b"first\nsec"),
        ("stderr", b"an error"),
        ("stdout", b"ond\n"),
    ]
    (silent,) = run.records(TaskFinished, step="end")
    assert silent.logs is None


def test_an_event_of_a_stranger_is_ignored() -> None:
    """It may come late, after its task's end."""
    run = Run()
    run.events.put(TaskLog("nobody", Stream.STDOUT, b"boo\n"))
    run.events.put(Finished("nobody", Reason.LOST))
    assert run.to_its_end().state == "finished"


def test_an_error_on_the_way_closes_the_executor_all_the_same() -> None:
    """No task outlives its scheduler."""

    def answer(spec):
        raise RuntimeError("a bug")

    run = Run(answer)
    with pytest.raises(RuntimeError, match="a bug"):
        run.to_its_end()
    assert run.executor.is_closed


def test_a_wide_foreach_costs_its_number_and_not_its_square() -> None:
    """Twice as many tasks, about twice the time."""

    def seconds(count):
        run = Run(lambda spec: well_done(spec, count=count), limits=Limits(8))
        began = time.process_time()
        assert run.to_its_end().state == "finished"
        return time.process_time() - began

    seconds(50)
    assert seconds(4000) < 16 * max(seconds(1000), 0.05)


def test_a_machine_that_is_lost_elsewhere_costs_no_retry() -> None:
    """Five may be; the sixth counts as the task's own failure, which `@retry` may answer."""
    lost = Finished("", Reason.LOST, message="the machine was taken away")
    far = attrs.evolve(GRAPH, nodes=tuple(_far(node) for node in GRAPH))
    for times, outcome in ((5, "finished"), (6, "failed")):
        attempts: list[int] = []

        def answer(spec, times=times, attempts=attempts):
            if spec.key.step != "start":
                return well_done(spec)
            assert spec.lost == spec.attempt
            attempts.append(spec.attempt)
            return [lost] if spec.attempt < times else well_done(spec)

        run = Run(answer, graph=far, launch=LaunchRef("s3://bucket/store", "0" * 64))
        assert run.to_its_end().state == outcome
        assert attempts == list(range(6))


def _far(node):
    return attrs.evolve(node, decorators=(Batch(),))
