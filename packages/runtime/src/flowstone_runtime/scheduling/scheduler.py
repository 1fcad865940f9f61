"""Drives a run: what `Execution` says is ready goes to an executor, what comes back goes into the journal.

The scheduler alone writes the run's journal. It blocks on one queue: executors post
what happens to tasks, signal handlers that it is to stop.
"""

import queue
import time

import attrs

from flowstone_datastore import (
    Heartbeat,
    LogSegment,
    Record,
    RecordRef,
    SegmentWriter,
    TaskError,
    TaskFailed,
    TaskFinished,
)
from flowstone_datastore import TaskStarted as TaskStartedRecord
from flowstone_graph import Execution, Task, TaskKey, Transition
from flowstone_interfaces import (
    Executor,
    Pathspec,
    Reason,
    Resources,
    TaskEvent,
    TaskLog,
    TaskRequest,
    TaskStarted,
)
from flowstone_interfaces import TaskFinished as TaskFinishedEvent
from flowstone_runtime.reporting.reporter import Reporter
from flowstone_runtime.scheduling.next_attempt import NextAttempt, next_attempt
from flowstone_runtime.scheduling.ready_queue import Attempt, ReadyQueue
from flowstone_runtime.scheduling.run_plan import Events, Outcome, RunPlan, StopRequest
from flowstone_runtime.scheduling.running_task import RunningTask
from flowstone_runtime.scheduling.step_request import step_request
from flowstone_runtime.tasks.end_of_task import end_of_task
from flowstone_runtime.tasks.gang import is_gang_member
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec
from flowstone_runtime.tasks.thread_share import thread_share, thread_variables


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
        self._requests = {
            node.name: step_request(node, plan.worker_argv, plan.environments.get(node.name), plan.launch)
            for node in plan.graph
        }
        self._far = frozenset(step for step, request in self._requests.items() if request.executor)
        self._ready = ReadyQueue(self._needs, plan.capacity, self._far)
        self._running: dict[str, RunningTask] = {}
        self._records: dict[TaskKey, RecordRef] = {}
        self._failed: list[str] = []
        self._failure = ""
        self._stop: Outcome | None = None
        self._last_record = 0.0

    def run(self) -> Outcome:
        """Run every task, or stop at the first that fails; blocks until nothing runs any more."""
        try:
            self._add_ready((self._execution.start(),))
            while self._stop is None and (self._ready or self._running):
                self._submit_ready()
                self._handle_next()
        finally:
            # Also on an error of ours or a full disk: no task outlives its scheduler.
            self._executor.close()
        self._drain()
        return self._outcome()

    def _outcome(self) -> Outcome:
        if self._stop is not None:
            return attrs.evolve(self._stop, failed=tuple(self._failed))
        if self._failed:
            return Outcome("failed", self._failure, tuple(self._failed))
        return Outcome("finished")

    # Tasks out

    def _needs(self, step: str) -> Resources:
        return self._requests[step].resources

    def _add_ready(self, tasks: tuple[Task, ...]) -> None:
        """Have the tasks started, or taken over from an older run; then those that follow from these."""
        waiting = [*reversed(tasks)]
        while waiting:
            task = waiting.pop()
            followers = self._take_over(task)
            if followers is None:
                self._reporter.tasks_ready(task.key.step, 1)
                is_gang = is_gang_member(self._plan.graph, task.key.step, task.stack)
                self._ready.add(Attempt(task, is_gang=is_gang))
            else:
                waiting += reversed(followers)

    def _take_over(self, task: Task) -> tuple[Task, ...] | None:
        """What follows from the task if an older run's result stands; `None` if it has to run."""
        old = None if self._plan.reuse is None else self._plan.reuse.take(task, time.time())
        if old is None:
            return None
        self._append(old.started)
        self._records[task.key] = self._append(old.finished)
        self._reporter.task_reused(task.key.step, task.key.id)
        return self._followers(task.key, old.finished)

    def _followers(self, key: TaskKey, record: TaskFinished) -> tuple[Task, ...]:
        """What a finished task makes ready; if that is more than the run may split into, the run ends."""
        transition = _transition(record)
        count, most = transition.count, self._plan.max_num_splits
        if count is not None and count > most:
            message = f"{key} splits into {count} tasks, and --max-num-splits allows {most}; say so if it is meant"
            self._failure = self._failure or message
            self._stop = self._stop or Outcome("failed", message)
            return ()
        return self._execution.finish(key, transition)

    def _submit_ready(self) -> None:
        while self._stop is None:
            attempt = self._ready.take(time.monotonic(), self._plan.limits)
            if attempt is None:
                return
            self._running[attempt.request_id] = RunningTask(attempt, time.monotonic())
            self._executor.submit(self._request(attempt))

    def _request(self, attempt: Attempt) -> TaskRequest:
        request = self._requests[attempt.task.key.step]
        if request.executor is not None:
            reuse = self._plan.reuse
            goes_on = attempt.number == 0 and reuse is not None and reuse.goes_on(attempt.task)
            payload = self._spec(attempt).to_json()
            return attrs.evolve(request, id=attempt.request_id, payload=payload, may_take_over=goes_on)
        at_once = min(self._plan.limits.here, len(self._running) + len(self._ready))
        threads = thread_variables(thread_share(int(self._plan.capacity.cpus), at_once), self._plan.environ)
        return attrs.evolve(
            request,
            id=attempt.request_id,
            payload=self._spec(attempt).to_json(),
            environ={**threads, **request.environ},
        )

    def _spec(self, attempt: Attempt) -> TaskSpec:
        plan, task = self._plan, attempt.task
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
            attempt=attempt.number,
            stack=task.stack,
            parents=tuple(ParentRef(key, self._records[key]) for key in task.parents),
            split=split,
            run_record=plan.run_record,
            main_file=plan.main_file,
            main_module=plan.main_module,
            verify=plan.verify,
            cache=plan.cache,
            failure=attempt.failure,
            lost=attempt.lost,
            has_environment=task.key.step in plan.environments,
        )

    # Events in

    def _handle_next(self) -> None:
        try:
            event = self._events.get(timeout=self._seconds_to_wait())
        except queue.Empty:
            pass
        else:
            if isinstance(event, StopRequest):
                self._stop = Outcome("cancelled", event.why)
            else:
                self._handle(event)
        if time.monotonic() - self._last_record >= self._plan.heartbeat_seconds:
            self._append(Heartbeat(time=time.time()))

    def _seconds_to_wait(self) -> float:
        """Until the next sign of life, or until a task that waits for another attempt may start."""
        due = self._ready.due()
        heartbeat = self._plan.heartbeat_seconds
        return heartbeat if due is None else min(heartbeat, max(0.0, due - time.monotonic()))

    def _handle(self, event: TaskEvent) -> None:
        running = self._running.get(event.request_id)
        if running is None:
            return
        if isinstance(event, TaskStarted):
            self._on_started(running.attempt, event)
        elif isinstance(event, TaskLog):
            running.keep_output(event, self._logs, self._reporter)
        else:
            del self._running[event.request_id]
            self._ready.give_back(running.attempt)
            self._on_finished(running, event)

    def _on_started(self, attempt: Attempt, event: TaskStarted) -> None:
        task = attempt.task
        self._append(
            TaskStartedRecord(
                time=time.time(),
                step=task.key.step,
                task=task.key.id,
                attempt=attempt.number,
                stack=tuple((frame.step, frame.index, frame.count) for frame in task.stack),
                parents=tuple((key.step, key.id) for key in task.parents),
                worker=event.worker,
            )
        )
        self._reporter.task_started(task.key.step, task.key.id)

    def _on_finished(self, running: RunningTask, event: TaskFinishedEvent) -> None:
        attempt = running.attempt
        key = attempt.task.key
        running.end_output(self._reporter)
        end = end_of_task(event, key, attempt.number, running.logs, time.monotonic() - running.started)
        if isinstance(end.record, TaskFinished):
            self._records[key] = self._append(end.record)
            self._reporter.task_finished(key.step, key.id, end.record.seconds or 0.0)
            self._add_ready(self._followers(key, end.record))
            return
        node = self._plan.graph[key.step]
        is_far = key.step in self._far
        again = next_attempt(node, attempt, end.record, event.reason, is_reported=end.is_reported, is_far=is_far)
        if self._stop is not None:
            again = None
        record = attrs.evolve(end.record, will_retry=again is not None)
        self._append(record)
        if again is None:
            self._fail(key, record)
        else:
            self._try_again(key, record, again)

    def _try_again(self, key: TaskKey, record: TaskFailed, again: NextAttempt) -> None:
        self._reporter.task_retried(key.step, key.id, *_told(record), again.wait_seconds)
        self._ready.add_later(again.attempt, time.monotonic() + again.wait_seconds)

    def _fail(self, key: TaskKey, record: TaskFailed) -> None:
        if record.reason == Reason.CANCELLED.value:
            self._reporter.task_stopped(key.step, key.id)
            return
        message, place = _told(record)
        pathspec = str(Pathspec(self._plan.graph.name, self._plan.run_id, key.step, key.id))
        self._reporter.task_failed(key.step, key.id, message, place)
        self._failed.append(pathspec)
        self._failure = self._failure or f"{pathspec} failed: {message}"
        if self._stop is None and not self._plan.keeps_going:
            self._stop = Outcome("failed", self._failure)

    def _drain(self) -> None:
        """Write down what became of the tasks that were running when the executor was closed."""
        while not self._events.empty():
            event = self._events.get()
            if not isinstance(event, StopRequest):
                self._handle(event)
        self._ready.clear()

    def _append(self, record: Record) -> RecordRef:
        self._last_record = time.monotonic()
        return self._journal.append(record)


def _transition(record: TaskFinished) -> Transition:
    leaving = record.transition
    return Transition() if leaving is None else Transition(leaving.targets, leaving.count)


def _told(record: TaskFailed) -> tuple[str, str]:
    """What went wrong, and `file:line` of the user's code, if there is one."""
    error = record.error or TaskError("", record.reason)
    message = ": ".join(part for part in (error.type, error.message) if part)
    return message, f"{error.file}:{error.line}" if error.file else ""
