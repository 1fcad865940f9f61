"""Run a flow on this machine: everything from the parsed command line to the last record."""

import os
import queue
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import (
    ChunkRef,
    Datastore,
    LogSegment,
    NotAStoreError,
    RecordRef,
    RunEnded,
    RunStarted,
    RunSummary,
    SegmentWriter,
    StorageError,
)
from flowstone_datastore.record_line import prepare_records
from flowstone_graph import FlowGraph
from flowstone_interfaces import Executor, FlowstoneError
from flowstone_runtime.code.changes import code_changes
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.environments.unkept import unkept_packages
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.remote.far_steps import check_reachable, far_steps
from flowstone_runtime.reporting.reporter import Reporter, RunHeader
from flowstone_runtime.scheduling.machine import this_machine
from flowstone_runtime.scheduling.ready_queue import Limits
from flowstone_runtime.scheduling.run_executors import executor_place, open_hook_executor, task_executor
from flowstone_runtime.scheduling.run_launch import run_launch, started_program
from flowstone_runtime.scheduling.run_options import Isolation, RunOptions
from flowstone_runtime.scheduling.run_plan import Events, Outcome, RunPlan
from flowstone_runtime.scheduling.run_record import HEARTBEAT_SECONDS, run_environments, run_record
from flowstone_runtime.scheduling.scheduler import Scheduler
from flowstone_runtime.scheduling.step_request import WORKER_ARGV
from flowstone_runtime.scheduling.stop_signals import stop_on_signals
from flowstone_runtime.tasks.task_runner import TaskRunner

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.resume import ResumeRequest
    from flowstone_runtime.past_runs.reuse import Reuse
    from flowstone_runtime.scheduling.exit_hooks import ExitHooks

SEGMENT = "scheduler"
"""What the one who runs a flow calls its part of the journal."""


OpenReporter = Callable[[], AbstractContextManager[Reporter]]
"""Called once the zygote is forked: a reporter may load libraries and start threads."""


def run_flow(
    flow: type[FlowSpec], options: RunOptions, settings: Settings, open_reporter: OpenReporter
) -> Outcome:
    """Run the flow to its end, wherever that is; the outcome says which.

    Blocks, and handles SIGINT, SIGTERM and SIGHUP while it runs: each stops every task at
    once and leaves a journal that says `cancelled`.

    Raises:
        InvalidFlowError: the flow's graph is at fault; nothing has run.
        UsageError: a parameter, a constant or the run-id file is at fault; nothing has run.
        StorageError: the store cannot be used, or not any more.
        EnvironmentNotLockedError, PackageNotHadError, EnvironmentNotBuiltError, NoInterpreterError: an environment
            that a step declares cannot be had; nothing has run.
    """
    started = time.monotonic()
    origin = None if options.resume is None else _origin(flow, options.resume, settings)
    graph = declared_graph(flow, options.added, bound_configs(flow))
    if options.resume is not None and options.resume.step is not None:
        graph[options.resume.step]
    events: Events = queue.SimpleQueue()
    datastore, is_new_store = _open_store(settings)
    far = far_steps(graph)
    check_reachable(far, datastore)
    # Ctrl-C ends it like any program: nothing has begun yet.
    locked, environments = run_environments(graph, options, settings, datastore, origin)
    with stop_on_signals(events, in_process=options.isolation is Isolation.NONE):
        # Whatever can be wrong with what the user gave shows before the run has a name.
        draft = run_record(flow, graph, options, settings, datastore, origin)
        _write_run_id(options.run_id_file, "")
        run_id = datastore.new_run_id(graph.name, draft.time)
        record = attrs.evolve(draft, run_id=run_id, environments=locked)
        launch = run_launch(graph, record, settings, datastore) if far else None
        journal = datastore.journal(graph.name, run_id).writer(SEGMENT)
        ref = journal.append(record)
        _write_run_id(options.run_id_file, run_id)
        if options.announce is not None:
            options.announce(f"{graph.name}/{run_id}")
        # Once, not in each task; and what is broken is named once.
        datastore.artifacts.find_serializers()
        prepare_records()
        hook_executor = open_hook_executor(options.isolation, graph, datastore, events)
        runner = TaskRunner(flow, graph, datastore, record, _debugger() if options.has_debugger else None)
        place = executor_place(datastore, record, origin)
        executor = task_executor(options.isolation, runner, events, place, settings)
        logs = datastore.log(graph.name, run_id, SEGMENT)
        reuse = _reuse(graph, options, datastore, record, origin)
        plan = attrs.evolve(
            _plan(graph, options, datastore, run_id, ref, reuse),
            cache=settings.cache,
            environments=environments,
            launch=launch,
        )
        with open_reporter() as reporter:
            reporter.run_started(_header(plan, record, settings, datastore, origin, is_new_store))
            hooks = _hooks(plan, hook_executor, events, journal, logs, reporter)
            outcome = _run(Scheduler(plan, executor, events, journal, logs, reporter), journal, hooks)
            reporter.run_ended(outcome.state, outcome.message, time.monotonic() - started)
    return outcome


def _header(
    plan: RunPlan,
    record: RunStarted,
    settings: Settings,
    datastore: Datastore,
    origin: RunSummary | None,
    is_new_store: bool,
) -> RunHeader:
    installed = b"" if record.environment is None else _read_chunk(datastore, record.environment)
    code = () if record.code is None else record.code.files
    warnings = unkept_packages(installed, code, settings.project_root)
    header = RunHeader(plan.graph.name, plan.run_id, settings.store, plan.graph, is_new_store, warnings=warnings)
    if origin is None:
        return header
    steps = [node.name for node in plan.graph]
    changes = code_changes(origin.started.code, record.code, steps, partial(_read_chunk, datastore))
    return attrs.evolve(header, origin=f"{plan.graph.name}/{origin.started.run_id}", changes=changes)


def _read_chunk(datastore: Datastore, ref: ChunkRef) -> bytes:
    return bytes(datastore.chunks.get(ref.address, size=ref.size))


def _origin(flow: type[FlowSpec], request: "ResumeRequest", settings: Settings) -> RunSummary:
    from flowstone_runtime.past_runs.origin import bind_origin

    return bind_origin(flow, request, settings)


def _reuse(
    graph: FlowGraph, options: RunOptions, datastore: Datastore, record: RunStarted, origin: RunSummary | None
) -> "Reuse | None":
    if origin is None:
        return None
    from flowstone_runtime.past_runs.origin import reuse_of

    step = options.resume.step if options.resume else None
    return reuse_of(origin, graph, step, datastore, record)


def _open_store(settings: Settings) -> tuple[Datastore, bool]:
    """The store, and whether it was made just now."""
    try:
        return Datastore.open(settings.store, cache=settings.cache), False
    except NotAStoreError:
        return Datastore.open(settings.store, create=True, cache=settings.cache), True


def _run(scheduler: Scheduler, journal: SegmentWriter, hooks: "ExitHooks | None") -> Outcome:
    try:
        outcome = _run_to_end(scheduler, journal)
        if hooks is not None:
            with suppress(KeyboardInterrupt):  # the run is over, however its hooks end
                hooks.call_all(outcome.state)
        return outcome
    finally:
        if hooks is not None:
            hooks.executor.close()


def _run_to_end(scheduler: Scheduler, journal: SegmentWriter) -> Outcome:
    try:
        outcome = scheduler.run()
    except KeyboardInterrupt:
        outcome = Outcome("cancelled", "interrupted")
    except FlowstoneError as error:
        with suppress(StorageError):  # it may be the very store that is full
            journal.append(RunEnded(time=time.time(), state="failed", message=str(error)))
        raise
    journal.append(RunEnded(time=time.time(), state=outcome.state, message=outcome.message))
    return outcome


def _write_run_id(file: Path | None, run_id: str) -> None:
    if file is None:
        return
    try:
        file.write_text(run_id, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--run-id-file {file} cannot be written: {error.strerror}; name another file") from error


def _plan(
    graph: FlowGraph,
    options: RunOptions,
    datastore: Datastore,
    run_id: str,
    ref: RecordRef,
    reuse: "Reuse | None",
) -> RunPlan:
    main_file, main_module = started_program(graph)
    return RunPlan(
        graph=graph,
        store=datastore.url,
        run_id=run_id,
        run_record=ref,
        main_file=str(main_file),
        main_module=main_module,
        worker_argv=WORKER_ARGV,
        limits=Limits(options.workers, in_all=options.max_workers)
        if options.max_workers
        else Limits(options.workers),
        capacity=this_machine(os.environ),
        environ=dict(os.environ),
        heartbeat_seconds=HEARTBEAT_SECONDS,
        max_num_splits=options.max_num_splits,
        keeps_going=options.keeps_going,
        reuse=reuse,
    )


def _debugger() -> Callable[[BaseException], None]:
    from flowstone_runtime.tasks.post_mortem import debug

    return debug


def _hooks(
    plan: RunPlan,
    executor: Executor | None,
    events: Events,
    journal: SegmentWriter,
    logs: LogSegment,
    reporter: Reporter,
) -> "ExitHooks | None":
    if executor is None:
        return None
    from flowstone_runtime.scheduling.exit_hooks import ExitHooks

    return ExitHooks(plan, executor, events, journal, logs, reporter)
