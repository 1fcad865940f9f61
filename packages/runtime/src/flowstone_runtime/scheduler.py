"""Drives a run: what `Execution` says is ready goes to an executor, what comes back goes into the journal.

The scheduler alone writes the run's journal. It blocks on one queue: executors post
what happens to tasks, signal handlers that it is to stop.
"""

import logging
import queue
import time
from collections import deque
from collections.abc import Mapping

import attrs

from flowstone_datastore import (
    ChunkCache,
    Heartbeat,
    InvalidRecordError,
    LogFrame,
    LogSegment,
    LogSpan,
    Record,
    RecordRef,
    SegmentWriter,
    TaskError,
    TaskFailed,
    TaskFinished,
    Verify,
)
from flowstone_datastore import TaskStarted as TaskStartedRecord
from flowstone_datastore.record_line import from_line
from flowstone_graph import Execution, FlowGraph, Task, TaskKey, Transition
from flowstone_interfaces import (
    Executor,
    Pathspec,
    Reason,
    Stream,
    TaskEvent,
    TaskLog,
    TaskRequest,
    TaskStarted,
)
from flowstone_interfaces import (
    TaskFinished as TaskFinishedEvent,
)
from flowstone_runtime.line_splitter import LineSplitter
from flowstone_runtime.reporter import Reporter
from flowstone_runtime.task_spec import ParentRef, TaskSpec
from flowstone_runtime.thread_share import thread_share, thread_variables

_logger = logging.getLogger(__name__)


@attrs.frozen
class StopRequest:
    """Posted to the scheduler's queue to end the run at once."""

    why: str


Events = queue.SimpleQueue[TaskEvent | StopRequest]


@attrs.frozen
class Outcome:
    """How a run ended."""

    state: str
    """`finished`, `failed` or `cancelled`."""
    message: str = ""
    failed: tuple[str, ...] = ()
    """Pathspecs of the tasks that failed."""


@attrs.frozen
class RunPlan:
    """What stays the same for all tasks of a run."""

    graph: FlowGraph
    store: str
    run_id: str
    run_record: RecordRef
    main_file: str
    main_module: str | None
    worker_argv: tuple[str, ...]
    max_workers: int
    cores: int
    """Shared among the tasks that run at once."""
    environ: Mapping[str, str]
    """Of the process that started the run: what it sets is not set anew for tasks."""
    heartbeat_seconds: float
    verify: Verify = "once"
    cache: ChunkCache | None = None


@attrs.define
class _Running:
    task: Task
    started: float
    splitters: dict[Stream, LineSplitter] = attrs.field(
        factory=lambda: {stream: LineSplitter() for stream in Stream}
    )
    logs: LogSpan | None = None


class Scheduler:
    """One run, from its first task to its end."""

    def __init__(
        self,
        plan: RunPlan,
        executor: Executor,
        events: Events,
        journal: SegmentWriter,
        logs: LogSegment,
        reporter: Reporter,
    ) -> None:
        self._plan = plan
        self._executor = executor
        self._events = events
        self._journal = journal
        self._logs = logs
        self._reporter = reporter
        self._execution = Execution(plan.graph)
        self._ready: deque[Task] = deque()
        self._running: dict[str, _Running] = {}
        self._records: dict[TaskKey, RecordRef] = {}
        self._failed: list[str] = []
        self._stop: Outcome | None = None
        self._last_record = 0.0

    def run(self) -> Outcome:
        """Run every task, or stop at the first that fails; blocks until nothing runs any more."""
        self._add_ready((self._execution.start(),))
        try:
            while self._stop is None and (self._ready or self._running):
                self._submit_ready()
                self._handle_next()
        finally:
            # Also on an error of ours or a full disk: no task outlives its scheduler.
            self._executor.close()
        self._drain()
        return self._stop or Outcome("finished")

    # Tasks out

    def _add_ready(self, tasks: tuple[Task, ...]) -> None:
        self._ready.extend(tasks)
        for task in tasks:
            self._reporter.tasks_ready(task.key.step, 1)

    def _submit_ready(self) -> None:
        while self._ready and len(self._running) < self._plan.max_workers and self._stop is None:
            task = self._ready.popleft()
            request_id = f"{task.key.step}/{task.key.id}"
            self._running[request_id] = _Running(task, time.monotonic())
            request = TaskRequest(
                request_id, self._plan.worker_argv, self._spec(task).to_json(), environ=self._environ()
            )
            self._executor.submit(request)

    def _environ(self) -> dict[str, str]:
        at_once = min(self._plan.max_workers, len(self._running) + len(self._ready))
        return thread_variables(thread_share(self._plan.cores, at_once), self._plan.environ)

    def _spec(self, task: Task) -> TaskSpec:
        plan = self._plan
        split = None
        if not task.parents and task.key.step != plan.graph.start:
            step = plan.graph.matching_split(task.key.step)
            assert step is not None, "only the first task and a join can be without parents"
            key = TaskKey(step, task.key.indices)
            split = ParentRef(key, self._records[key])
        return TaskSpec(
            store=plan.store,
            flow=plan.graph.name,
            run_id=plan.run_id,
            key=task.key,
            attempt=0,
            stack=task.stack,
            parents=tuple(ParentRef(key, self._records[key]) for key in task.parents),
            split=split,
            run_record=plan.run_record,
            main_file=plan.main_file,
            main_module=plan.main_module,
            verify=plan.verify,
            cache=plan.cache,
        )

    # Events in

    def _handle_next(self) -> None:
        try:
            event = self._events.get(timeout=self._plan.heartbeat_seconds)
        except queue.Empty:
            self._append(Heartbeat(time=time.time()))
            return
        if isinstance(event, StopRequest):
            self._stop = Outcome("cancelled", event.why)
        else:
            self._handle(event)
        if time.monotonic() - self._last_record > self._plan.heartbeat_seconds:
            self._append(Heartbeat(time=time.time()))

    def _handle(self, event: TaskEvent) -> None:
        running = self._running.get(event.request_id)
        if running is None:
            return
        if isinstance(event, TaskStarted):
            self._on_started(running, event)
        elif isinstance(event, TaskLog):
            self._on_log(running, event)
        else:
            del self._running[event.request_id]
            self._on_finished(running, event)

    def _on_started(self, running: _Running, event: TaskStarted) -> None:
        task = running.task
        self._append(
            TaskStartedRecord(
                time=time.time(),
                step=task.key.step,
                task=task.key.id,
                attempt=0,
                stack=tuple(attrs.astuple(frame) for frame in task.stack),
                parents=tuple((key.step, key.id) for key in task.parents),
                worker=event.worker,
            )
        )
        self._reporter.task_started(task.key.step, task.key.id)

    def _on_log(self, running: _Running, event: TaskLog) -> None:
        key = running.task.key
        frame = LogFrame(key.step, key.id, 0, event.stream.value, time.time(), event.data)
        start, end = self._logs.append(frame)
        running.logs = LogSpan(self._logs.name, running.logs.start if running.logs else start, end)
        for line in running.splitters[event.stream].feed(event.data):
            self._reporter.task_output(key.step, key.id, event.stream, line)

    def _on_finished(self, running: _Running, event: TaskFinishedEvent) -> None:
        key = running.task.key
        for stream, splitter in running.splitters.items():
            for line in splitter.finish():
                self._reporter.task_output(key.step, key.id, stream, line)
        record = self._record(running, event)
        ref = self._append(record)
        if isinstance(record, TaskFinished):
            self._records[key] = ref
            self._reporter.task_finished(key.step, key.id, record.seconds or 0.0)
            self._add_ready(self._execution.finish(key, _transition(record)))
        else:
            self._fail(key, record)

    def _record(self, running: _Running, event: TaskFinishedEvent) -> TaskFinished | TaskFailed:
        """What the journal says of the attempt: the worker's own record, if it sent one that can count."""
        key = running.task.key
        seconds = time.monotonic() - running.started
        reported = _reported(event)
        succeeded = event.reason is Reason.EXITED and event.exit_code == 0
        if (isinstance(reported, TaskFinished) and succeeded) or isinstance(reported, TaskFailed):
            return attrs.evolve(
                reported, logs=running.logs, cpu_seconds=event.cpu_seconds, max_memory_mib=event.max_memory_mib
            )
        return TaskFailed(
            time=time.time(),
            step=key.step,
            task=key.id,
            attempt=0,
            error=TaskError("", _why(event)),
            reason=event.reason.value,
            exit_code=event.exit_code,
            seconds=seconds,
            cpu_seconds=event.cpu_seconds,
            max_memory_mib=event.max_memory_mib,
            logs=running.logs,
        )

    def _fail(self, key: TaskKey, record: TaskFailed) -> None:
        if record.reason == Reason.CANCELLED.value:
            self._reporter.task_stopped(key.step, key.id)
            return
        error = record.error or TaskError("", record.reason)
        message = ": ".join(part for part in (error.type, error.message) if part)
        place = f"{error.file}:{error.line}" if error.file else ""
        pathspec = str(Pathspec(self._plan.graph.name, self._plan.run_id, key.step, key.id))
        self._reporter.task_failed(key.step, key.id, message, place)
        self._failed.append(pathspec)
        if self._stop is None:
            self._stop = Outcome("failed", f"{pathspec} failed: {message}", (pathspec,))

    def _drain(self) -> None:
        """Write down what became of the tasks that were running when the executor was closed."""
        while not self._events.empty():
            event = self._events.get()
            if not isinstance(event, StopRequest):
                self._handle(event)
        self._ready.clear()
        if self._stop is not None:
            self._stop = attrs.evolve(self._stop, failed=tuple(self._failed))

    def _append(self, record: Record) -> RecordRef:
        self._last_record = time.monotonic()
        return self._journal.append(record)


def _reported(event: TaskFinishedEvent) -> Record | None:
    """The record that the worker sent; `None` if it sent none, or something else."""
    if event.result is None:
        return None
    try:
        return from_line(event.result.removesuffix(b"\n"))
    except InvalidRecordError as error:
        _logger.warning("the task %s sent what is no record: %s", event.request_id, error)
        return None


def _transition(record: TaskFinished) -> Transition:
    leaving = record.transition
    return Transition() if leaving is None else Transition(leaving.targets, leaving.count)


def _why(event: TaskFinishedEvent) -> str:
    """One sentence on an attempt that ended without a record of its own."""
    if event.message:
        return event.message
    if event.reason is Reason.CANCELLED:
        return "it was stopped before it ended"
    if event.reason is Reason.SIGNALLED and event.exit_code is not None:
        return f"its process was killed by {_signal_name(-event.exit_code)}"
    return f"its process ended with exit code {event.exit_code} before the step was over"


def _signal_name(number: int) -> str:
    import signal

    names: dict[int, str] = {
        signal.SIGKILL: "SIGKILL; if nobody killed it, the machine ran out of memory",
        signal.SIGSEGV: "SIGSEGV (segmentation fault in compiled code)",
    }
    try:
        return names.get(number) or signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
