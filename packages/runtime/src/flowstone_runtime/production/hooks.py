"""The exit hooks of a production run: `python -m flowstone_runtime.production.hooks STORE FLOW DEPLOYMENT`.

One job calls those for a run that has finished; those for one that has failed are called where that is recorded.
"""

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from flowstone_client import Client, Run
from flowstone_datastore import Datastore, Journal, RunStarted, TaskFailed, TaskFinished, TaskStarted
from flowstone_graph import TaskKey
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production import RUN
from flowstone_runtime.config import bind_configs, bound_configs
from flowstone_runtime.config_loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.exit_hook import Hook, hooks_of
from flowstone_runtime.hook_worker import HOOK_STEP, call_hook
from flowstone_runtime.production.fetched_code import load_deployed_flow
from flowstone_runtime.production.finished_tasks import FinishedTasks
from flowstone_runtime.production.identity import segment_of
from flowstone_runtime.production.task_output import TaskOutput
from flowstone_runtime.user_traceback import report_error


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Call the hooks of a run that has finished; 0, whatever becomes of them."""
    store, flow, _ = arguments
    try:
        call_hooks(Datastore.open(store), flow, environ[RUN], "finished")
    except FlowstoneError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def call_hooks(datastore: Datastore, flow: str, run_id: str, state: str) -> None:
    """Call the hooks for this end of the run, one after the other, each recorded as a task.

    Raises:
        UsageError: the flow of the run cannot be loaded.
        StorageError: the store cannot be used.
    """
    journal = datastore.journal(flow, run_id)
    run = FinishedTasks(journal, f"{flow}/{run_id}").start_of_run()
    if run is None or not any(declared["name"] == "exit_hook" for declared in run.graph.get("decorators", ())):
        return
    with tempfile.TemporaryDirectory(prefix="flowstone-", ignore_cleanup_errors=True) as folder:
        hooks = _hooks(datastore, run, state, Path(folder).resolve())
        for position, hook in enumerate(hooks):
            _call(datastore, journal, run, position, hook)


def _hooks(datastore: Datastore, run: RunStarted, state: str, folder: Path) -> tuple[Hook, ...]:
    flow = load_deployed_flow(datastore, run, folder)
    bind_configs(flow, stored_configs(flow, datastore, run))
    graph = declared_graph(flow, run.settings.get("with", ()), bound_configs(flow))
    return hooks_of(graph.decorators, state)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
