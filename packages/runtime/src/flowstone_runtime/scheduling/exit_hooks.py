"""Call the exit hooks of a run that is over: one after the other, whatever becomes of them."""

import time

import attrs

from flowstone_datastore import LogSegment, SegmentWriter, TaskFailed
from flowstone_datastore import TaskStarted as TaskStartedRecord
from flowstone_graph import Task, TaskKey
from flowstone_interfaces import Executor, Stream, TaskFinished, TaskLog, TaskRequest, TaskStarted
from flowstone_runtime.decorators.exit_hook import hooks_of
from flowstone_runtime.hook_worker import HOOK_STEP, HookCall
from flowstone_runtime.module_start import module_argv
from flowstone_runtime.reporting.reporter import Reporter
from flowstone_runtime.scheduling.ready_queue import Attempt
from flowstone_runtime.scheduling.run_plan import Events, RunPlan, StopRequest
from flowstone_runtime.scheduling.running_task import RunningTask
from flowstone_runtime.tasks.end_of_task import end_of_task

WORKER_ARGV = module_argv("flowstone_runtime.hook_worker")


@attrs.frozen
class ExitHooks:
    """What it takes to call hooks; the executor is opened before the run, when no threads run yet."""

    plan: RunPlan
    executor: Executor
    events: Events
    journal: SegmentWriter
    logs: LogSegment
    reporter: Reporter

    def call_all(self, state: str) -> None:
        """Call the hooks for this end of the run; a request to stop ends them, too."""
        for position, hook in enumerate(hooks_of(self.plan.graph.decorators, state)):
            if not self._call(state, position, getattr(hook, "__name__", type(hook).__name__)):
                return

    def _call(self, state: str, position: int, name: str) -> bool:
        """Call one; False if everything is to stop."""
        running = RunningTask(Attempt(Task(TaskKey(HOOK_STEP, (position,)), (), ())), time.monotonic())
        payload = HookCall.of(self.plan, state, position).to_json()
        self.executor.submit(TaskRequest(running.attempt.request_id, WORKER_ARGV, payload))
        while True:
            event = self.events.get()
            if isinstance(event, StopRequest):
                self.executor.cancel(running.attempt.request_id)
                return False
            if event.request_id != running.attempt.request_id:
                continue
            if isinstance(event, TaskStarted):
                self.journal.append(
                    TaskStartedRecord(time=time.time(), step=HOOK_STEP, task=str(position), worker=event.worker)
                )
            elif isinstance(event, TaskLog):
                running.keep_output(event, self.logs, self.reporter)
            else:
                self._end(running, event, name)
                return True

    def _end(self, running: RunningTask, event: TaskFinished, name: str) -> None:
        running.end_output(self.reporter)
        key = running.attempt.task.key
        end = end_of_task(event, key, 0, running.logs, time.monotonic() - running.started)
        self.journal.append(end.record)
        if isinstance(end.record, TaskFailed):
            why = end.record.error.message if end.record.error else end.record.reason
            line = f"the exit hook {name} failed: {why}"
            self.reporter.task_output(key.step, key.id, Stream.STDERR, line)
