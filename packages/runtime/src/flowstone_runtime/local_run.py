"""Run a flow on this machine: everything from the parsed command line to the last record."""

import os
import platform
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import (
    Datastore,
    NotAStoreError,
    RecordRef,
    RunEnded,
    RunStarted,
    SegmentWriter,
    current_process,
)
from flowstone_executors import InProcessExecutor, LocalExecutor
from flowstone_graph import FlowGraph, parse_flow
from flowstone_interfaces import Executor
from flowstone_runtime.code_package import snapshot_code
from flowstone_runtime.flowspec import FlowSpec, constants_of
from flowstone_runtime.parameters import parameters_of
from flowstone_runtime.reporter import Reporter, RunHeader
from flowstone_runtime.scheduler import Events, Outcome, RunPlan, Scheduler, StopRequest
from flowstone_runtime.task_runner import TaskRunner
from flowstone_runtime.thread_share import usable_cores
from flowstone_runtime.worker import ForkedWorker

_HEARTBEAT_SECONDS = 10.0
_SEGMENT = "scheduler"


class Isolation(Enum):
    """How tasks are kept apart."""

    FORK = "fork"
    """Each in a fork of a process that has done the flow's imports."""
    SPAWN = "spawn"
    """Each in a fresh interpreter."""
    NONE = "none"
    """One after the other in the scheduler's own process."""


@attrs.frozen
class RunOptions:
    """What may differ from run to run of one flow."""

    parameters: Mapping[str, Any]
    """Attribute name to value, converted to the parameter's type."""
    tags: tuple[str, ...] = ()
    max_workers: int = 0
    """Tasks at once; 0 for one for each core that this process may use."""
    isolation: Isolation = Isolation.FORK
    run_id_file: Path | None = None


OpenReporter = Callable[[], AbstractContextManager[Reporter]]
"""Called once the zygote is forked: a reporter may load libraries and start threads."""


def run_flow(
    flow: type[FlowSpec], options: RunOptions, settings: Settings, open_reporter: OpenReporter
) -> Outcome:
    """Run the flow to its end, wherever that is; the outcome says which.

    Blocks, and handles SIGINT and SIGTERM while it runs: both stop every task at once
    and leave a journal that says `cancelled`.

    Raises:
        InvalidFlowError: the flow's graph is at fault; nothing has run.
        StorageError: the store cannot be used.
    """
    started = time.monotonic()
    graph = parse_flow(flow)
    events: Events = queue.SimpleQueue()
    with _stop_on_signals(events, in_process=options.isolation is Isolation.NONE):
        datastore, is_new_store = _open_store(settings.store)
        run_id = datastore.new_run_id(graph.name, time.time())
        journal = datastore.journal(graph.name, run_id).writer(_SEGMENT)
        record = _run_record(flow, graph, options, settings, datastore, run_id)
        ref = journal.append(record)
        if options.run_id_file is not None:
            options.run_id_file.write_text(run_id, encoding="utf-8")
        executor = _executor(options.isolation, TaskRunner(flow, graph, datastore, record), events)
        logs = datastore.log(graph.name, run_id, _SEGMENT)
        plan = _plan(flow, graph, options, datastore, run_id, ref)
        with open_reporter() as reporter:
            reporter.run_started(RunHeader(graph.name, run_id, settings.store, graph, is_new_store))
            outcome = _run(Scheduler(plan, executor, events, journal, logs, reporter), journal)
            reporter.run_ended(outcome.state, outcome.message, time.monotonic() - started)
    return outcome


def _open_store(place: str) -> tuple[Datastore, bool]:
    """The store, and whether it was made just now."""
    try:
        return Datastore.open(place), False
    except NotAStoreError:
        return Datastore.open(place, create=True), True


def _run(scheduler: Scheduler, journal: SegmentWriter) -> Outcome:
    try:
        outcome = scheduler.run()
    except KeyboardInterrupt:
        outcome = Outcome("cancelled", "interrupted")
    journal.append(RunEnded(time=time.time(), state=outcome.state, message=outcome.message))
    return outcome


def _run_record(
    flow: type[FlowSpec],
    graph: FlowGraph,
    options: RunOptions,
    settings: Settings,
    datastore: Datastore,
    run_id: str,
) -> RunStarted:
    flow_file = Path(graph.file).resolve()
    code = snapshot_code(datastore, flow_file, settings.project_root, sys.modules)
    values = {p.attribute: options.parameters.get(p.attribute, p.default) for p in parameters_of(flow)}
    save = datastore.artifacts.save
    return RunStarted(
        time=time.time(),
        flow=graph.name,
        run_id=run_id,
        user=settings.user,
        parameters={name: save(value) for name, value in values.items()},
        constants={name: save(value) for name, value in constants_of(flow).items()},
        graph=graph.to_dict(),
        code=code,
        tags=options.tags,
        system_tags=(
            f"user:{settings.user}",
            "runtime:local",
            f"python_version:{platform.python_version()}",
            f"flowstone_version:{version('flowstone-runtime')}",
        ),
        process=current_process(),
        heartbeat_seconds=_HEARTBEAT_SECONDS,
        versions={"python": platform.python_version(), "flowstone": version("flowstone-runtime")},
        settings={"isolation": options.isolation.value, "max_workers": _workers(options)},
    )


def _workers(options: RunOptions) -> int:
    if options.isolation is Isolation.NONE:
        return 1
    return options.max_workers or usable_cores()


def _plan(
    flow: type[FlowSpec], graph: FlowGraph, options: RunOptions, datastore: Datastore, run_id: str, ref: RecordRef
) -> RunPlan:
    spec = getattr(sys.modules.get(flow.__module__), "__spec__", None)
    return RunPlan(
        graph=graph,
        store=datastore.url,
        run_id=run_id,
        run_record=ref,
        flow_file=str(Path(graph.file).resolve()),
        flow_module=None if spec is None else spec.name,
        # -P: a file in the working folder named like a module of ours must not take its place.
        worker_argv=(sys.executable, "-P", "-m", "flowstone_runtime.worker"),
        max_workers=_workers(options),
        cores=usable_cores(),
        environ=dict(os.environ),
        heartbeat_seconds=_HEARTBEAT_SECONDS,
    )


def _executor(isolation: Isolation, runner: TaskRunner, events: Events) -> Executor:
    worker = ForkedWorker(runner)
    if isolation is Isolation.NONE:
        return InProcessExecutor(events.put, worker)
    executor = LocalExecutor(events.put, worker if isolation is Isolation.FORK else None)
    executor.open()
    return executor


@contextmanager
def _stop_on_signals(events: Events, *, in_process: bool) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop, for as long as the run goes on."""

    def stop(number: int, _frame: object) -> None:
        if in_process:  # the step runs in this very thread
            raise KeyboardInterrupt
        events.put(StopRequest(f"stopped by {signal.Signals(number).name}"))

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
