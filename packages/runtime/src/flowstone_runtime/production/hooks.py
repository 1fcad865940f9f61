"""The exit hooks of a production run: an entry of the bootstrap, see `job_command`.

One job calls those for a run that has finished; those for one that has failed are called where that is recorded.
"""

import os
import sys
import time
from collections.abc import Sequence

import attrs

from flowstone_client import Client, Run
from flowstone_datastore import Datastore, Journal, RunStarted, TaskFailed, TaskFinished, TaskStarted
from flowstone_graph import TaskKey
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production import RUN
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.exit_hook import Hook, hooks_of
from flowstone_runtime.hook_worker import HOOK_STEP, call_hook
from flowstone_runtime.production.finished_tasks import FinishedTasks
from flowstone_runtime.production.identity import segment_of
from flowstone_runtime.production.job_place import JobPlace
from flowstone_runtime.production.task_output import TaskOutput
from flowstone_runtime.tasks.user_traceback import report_error


def main(arguments: Sequence[str]) -> int:
    """Call the hooks of a run that has finished; 0, whatever becomes of them."""
    try:
        call_hooks(JobPlace.of(arguments, os.environ), os.environ[RUN], "finished")
    except FlowstoneError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def call_hooks(place: JobPlace, run_id: str, state: str) -> None:
    """Call the hooks for this end of the run, one after the other, each recorded as a task.

    Raises:
        UsageError: the flow of the run cannot be loaded.
        StorageError: the store cannot be used.
    """
    datastore = place.datastore
    journal = datastore.journal(place.flow, run_id)
    run = FinishedTasks(journal, f"{place.flow}/{run_id}").start_of_run()
    if run is None or not any(declared["name"] == "exit_hook" for declared in run.graph.get("decorators", ())):
        return
    flow = place.load_flow()
    bind_configs(flow, stored_configs(flow, datastore, run))
    graph = declared_graph(flow, run.settings.get("with", ()), bound_configs(flow))
    for position, hook in enumerate(hooks_of(graph.decorators, state)):
        _call(datastore, journal, run, position, hook)


def _call(datastore: Datastore, journal: Journal, run: RunStarted, position: int, hook: Hook) -> None:
    key = TaskKey(HOOK_STEP, (position,))
    segment = segment_of(key, 0)
    writer = journal.writer(segment)
    writer.append(TaskStarted(time=time.time(), step=key.step, task=key.id))
    started = time.monotonic()
    output = TaskOutput(datastore.log(run.flow, run.run_id, segment), key, 0)
    failure: BaseException | None = None
    with output:
        try:
            call_hook(hook, Run(f"{run.flow}/{run.run_id}", client=Client(datastore)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the hook raises is its own affair
            failure = error
            sys.stderr.write(report_error(error).traceback)
    record: TaskFinished | TaskFailed
    if failure is None:
        record = TaskFinished(time=time.time(), step=key.step, task=key.id, seconds=time.monotonic() - started)
    else:
        record = TaskFailed(
            time=time.time(), step=key.step, task=key.id, error=report_error(failure), reason="exception"
        )
    writer.append(attrs.evolve(record, logs=output.span))
