"""One task of a production run: an entry of the bootstrap, see `job_command`.

The variables of the environment say which task. Whatever was done for it before counts: a task that has finished
is not run again, and one that was tried before goes on with the next attempt.
"""

import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowstone_datastore import (
    Deployments,
    RecordRef,
    RunEnded,
    RunStarted,
    SegmentWriter,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_datastore.record_line import to_line
from flowstone_graph import FlowGraph, TaskKey
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production import TRY_AGAIN
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.production.ancestry import Ancestry, ancestry
from flowstone_runtime.production.beginning import first_record, started_record
from flowstone_runtime.production.finished_tasks import RUN_SEGMENT, FinishedTasks
from flowstone_runtime.production.identity import TaskIdentity, segment_of
from flowstone_runtime.production.job_place import JobPlace
from flowstone_runtime.production.outcome import write_outcome
from flowstone_runtime.production.task_output import TaskOutput
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.task_spec import TaskSpec
from flowstone_runtime.tasks.thread_share import limit_loaded_libraries
from flowstone_runtime.tasks.user_traceback import report_error

_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Do the task; 0 if it has finished, `TRY_AGAIN` if it failed and is to be tried again, else 1.

    A step that declares an environment goes on in that: this process becomes its interpreter.
    """
    try:
        identity = TaskIdentity.from_environ(os.environ)
        job = _Job(JobPlace.of(arguments, os.environ), identity)
        return job.run(job.fault_of_environment())
    except FlowstoneError as error:
        sys.stderr.write(f"error: {error}\n")
        return _FAILED


@attrs.define
class _Job:
    """One task, from what the scheduler says of it to its last record."""

    place: JobPlace
    identity: TaskIdentity
    _flow: type[FlowSpec] | None = None
    """Once it is loaded."""
    _start: RunStarted | None = None
    """The run's first record, once it is known."""

    @property
    def _known(self) -> FinishedTasks:
        run_id, flow = self.identity.run_id, self.place.flow
        return FinishedTasks(self.place.datastore.journal(flow, run_id), f"{flow}/{run_id}")

    def fault_of_environment(self) -> Exception | None:
        """Go on in the environment of the step; if it has none, return, and if that cannot be had, say why."""
        if self.place.is_in_environment:
            return None
        self._start = self._known.start_of_run()
        environments = (self._start or self._deployment()).environments
        locked = next((each for each in environments if self.identity.step in each.steps), None)
        try:
            if locked is not None:
                self.place.go_on_in(locked, __name__)
        except Exception as error:  # noqa: BLE001 - an environment may fail in as many ways as there are tools
            return error
        return None

    def run(self, fault: Exception | None) -> int:
        """Do it, or say what is at fault; the exit code."""
        known, datastore = self._known, self.place.datastore
        journal = known.journal
        start, error = self._start_of_run(known)
        graph = FlowGraph.from_dict(dict(start.graph))
        key = self.identity.key(graph)
        before = known.attempts(key)
        is_last = graph[key.step].is_terminal
        if before.finished is not None:
            if is_last:
                journal.writer(f"{segment_of(key, before.number - 1)}.end").append(_run_finished())
            return 0
        if self.identity.failure is not None and before.last is not None and not before.last.will_retry:
            return _FAILED  # it has said itself that nothing catches this
        base = ancestry(graph, key, self.identity.parent_key(graph), known)
        writer = journal.writer(segment_of(key, before.number))
        writer.append(self._task_started(key, before.number, base))
        log = datastore.log(start.flow, start.run_id, segment_of(key, before.number))
        output = TaskOutput(log, key, before.number)
        with output:
            record = self._execute(start, self._spec(start, key, before.number, base), base, fault or error)
        return self._end(start, graph, key, attrs.evolve(record, logs=output.span), writer)

    def _end(
        self,
        start: RunStarted,
        graph: FlowGraph,
        key: TaskKey,
        record: TaskFinished | TaskFailed,
        writer: SegmentWriter,
    ) -> int:
        if isinstance(record, TaskFailed):
            writer.append(record)
            return TRY_AGAIN if record.will_retry else _FAILED
        node = graph[key.step]
        write_outcome(self.place.datastore.storage, start.flow, start.run_id, node, key, record)
        writer.append(record)
        if node.is_terminal:
            writer.append(_run_finished())
        return 0

    # How the run began

    def _start_of_run(self, known: FinishedTasks) -> tuple[RunStarted, BaseException | None]:
        """The run's first record, which the first job writes; and what is wrong with what the run was given."""
        found = self._start or known.start_of_run()
        if found is not None:
            return found, None
        if self.identity.parent:
            raise UsageError(f"the journal of {known.run} does not say how the run began; was the run deleted?")
        record, error = self._new_run()
        self.place.datastore.claim_run_id(record.flow, record.run_id, record.time)
        known.journal.writer(RUN_SEGMENT).append(record)
        return record, error

    def _new_run(self) -> tuple[RunStarted, BaseException | None]:
        deployment = self._deployment()
        begin = (deployment, self.place.version, self.identity.run_id)
        try:
            flow = self._load(deployment)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file may raise anything when it is run
            return started_record(*begin), error
        settings = self.place.settings(deployment.user)
        return first_record(*begin, flow, self.place.datastore, settings, self.identity.input)

    def _deployment(self) -> RunStarted:
        return Deployments(self.place.datastore.storage).read(self.place.flow, self.place.version)

    def _load(self, run: RunStarted) -> type[FlowSpec]:
        if self._flow is None:
            flow = self.place.load_flow()
            bind_configs(flow, stored_configs(flow, self.place.datastore, run))
            self._flow = flow
        return self._flow

    # The task itself

    def _execute(
        self, run: RunStarted, spec: TaskSpec, base: Ancestry, error: BaseException | None
    ) -> TaskFinished | TaskFailed:
        if error is not None:
            return _failed(spec, error)
        try:
            flow = self._load(run)
            graph = declared_graph(flow, run.settings.get("with", ()), bound_configs(flow))
        except (Exception, SystemExit) as fault:  # noqa: BLE001 - the user's file may raise anything when it is run
            return _failed(spec, fault)
        limit_loaded_libraries(os.environ)
        finished = (*base.parents, *([base.split] if base.split else ()))
        records = {task.ref.record: task.record for task in finished}
        return TaskRunner(flow, graph, self.place.datastore, run, known_records=records).execute(spec)

    def _spec(self, run: RunStarted, key: TaskKey, attempt: int, base: Ancestry) -> TaskSpec:
        return TaskSpec(
            store=self.place.datastore.url,
            flow=run.flow,
            run_id=run.run_id,
            key=key,
            attempt=attempt,
            stack=base.stack,
            parents=tuple(task.ref for task in base.parents),
            split=None if base.split is None else base.split.ref,
            run_record=RecordRef(RUN_SEGMENT, 0, len(to_line(run))),
            main_file=str(self.place.code / self.place.launch.main_file),
            failure=_why(self.identity.failure),
        )

    def _task_started(self, key: TaskKey, attempt: int, base: Ancestry) -> TaskStarted:
        return TaskStarted(
            time=time.time(),
            step=key.step,
            task=key.id,
            attempt=attempt,
            stack=tuple((frame.step, frame.index, frame.count) for frame in base.stack),
            parents=tuple((task.ref.key.step, task.ref.key.id) for task in base.parents),
            worker=_worker_name(os.environ),
        )


def _run_finished() -> RunEnded:
    return RunEnded(time=time.time(), state="finished")


def _why(failure: str | None) -> str | None:
    return None if failure is None else f"its job ended before the step was over ({failure})"


def _failed(spec: TaskSpec, error: BaseException) -> TaskFailed:
    """A task that could not begin."""
    report = report_error(error)
    sys.stderr.write(report.traceback)
    key: dict[str, Any] = {"step": spec.key.step, "task": spec.key.id, "attempt": spec.attempt}
    return TaskFailed(time=time.time(), **key, error=report, reason="exception")


def _worker_name(environ: Mapping[str, str]) -> str:
    job = environ.get("AWS_BATCH_JOB_ID")
    return f"job {job}" if job else f"{socket.gethostname()}, process {os.getpid()}"
