"""Run a flow on this machine: everything from the parsed command line to the last record."""

import os
import platform
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import (
    Artifact,
    ChunkRef,
    Datastore,
    LockedEnvironment,
    LogSegment,
    NotAStoreError,
    RecordRef,
    RunEnded,
    RunStarted,
    RunState,
    RunSummary,
    SegmentWriter,
    StorageError,
    UnpicklableError,
    current_process,
)
from flowstone_datastore.record_line import prepare_records
from flowstone_executors import InProcessExecutor, Launch, LocalExecutor
from flowstone_graph import FlowGraph
from flowstone_interfaces import Executor, ExecutorPlace, FlowstoneError, TaskRequest
from flowstone_runtime.code.changes import code_changes
from flowstone_runtime.code.package import snapshot_code
from flowstone_runtime.command_line.flow_options import check_flow_options
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.declared_environments import declares_environments, lock_files
from flowstone_runtime.decorators.exit_hook import ExitHook
from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowStart
from flowstone_runtime.environments import StepEnvironment, snapshot_environment
from flowstone_runtime.environments.unkept import unkept_packages
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec, constants_of
from flowstone_runtime.parameters.defaults import default_values
from flowstone_runtime.parameters.included_content import save_value
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.remote.far_steps import check_reachable, far_steps, open_executor
from flowstone_runtime.remote.staging import RunStaging
from flowstone_runtime.reporting.reporter import Reporter, RunHeader
from flowstone_runtime.scheduling.machine import this_machine
from flowstone_runtime.scheduling.ready_queue import Limits
from flowstone_runtime.scheduling.run_plan import DEFAULT_MAX_NUM_SPLITS, Events, Outcome, RunPlan, StopRequest
from flowstone_runtime.scheduling.scheduler import Scheduler
from flowstone_runtime.scheduling.step_executors import StepExecutors
from flowstone_runtime.scheduling.step_request import WORKER_ARGV
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.thread_share import usable_cores
from flowstone_runtime.version import __version__
from flowstone_runtime.worker import SERVE, ForkedWorker

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.resume import ResumeRequest
    from flowstone_runtime.past_runs.reuse import Reuse
    from flowstone_runtime.remote.launch import LaunchRef
    from flowstone_runtime.scheduling.exit_hooks import ExitHooks

_HEARTBEAT_SECONDS = 10.0
SEGMENT = "scheduler"
"""What the one who runs a flow calls its part of the journal."""


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
    """Attribute name to value, converted to the parameter's type; for those left out, their defaults count."""
    tags: tuple[str, ...] = ()
    namespace: str | None = None
    """In which tasks look at other runs: a tag, empty for all runs; `None` for that of whoever runs it."""
    max_workers: int = 0
    """Tasks at once; 0 for one for each core that this process may use, and 10,000 on other machines."""
    isolation: Isolation = Isolation.FORK
    added: tuple[str, ...] = ()
    """Decorators for every step that has none of the same name: `retry:times=3`."""
    keeps_going: bool = False
    """After a failure, run all that does not need the failed task."""
    max_num_splits: int = DEFAULT_MAX_NUM_SPLITS
    """A foreach that is wider ends the run."""
    has_debugger: bool = False
    """Open a debugger where a step fails; for `Isolation.NONE`."""
    resume: "ResumeRequest | None" = None
    """Take over what stands of an older run; parameters that are not given are that run's."""
    run_id_file: Path | None = None
    flow_options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the flow's decorators, such as `branch` and `production`."""
    environment: str = "declared"
    """`declared`: steps run in the environments that they declare; `none`: in that of whoever starts the run."""
    announce: Callable[[str], None] | None = None
    """Told the run's pathspec as soon as the run exists."""


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
    with _stop_on_signals(events, in_process=options.isolation is Isolation.NONE):
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
        hook_executor = _hook_executor(options.isolation, graph, datastore, events)
        runner = TaskRunner(flow, graph, datastore, record, _debugger() if options.has_debugger else None)
        place = _place(datastore, record, origin)
        executor = _executor(options.isolation, runner, events, place, settings)
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


def run_record(
    flow: type[FlowSpec],
    graph: FlowGraph,
    options: RunOptions,
    settings: Settings,
    datastore: Datastore,
    origin: RunSummary | None,
    *,
    skips_required: bool = False,
) -> RunStarted:
    """All that is known of the run but its name.

    With `skips_required`, parameters that must be given and are not are left out.
    """
    flow_file = Path(graph.file).resolve()
    locks = [f"/{_in_project(flow_file.parent / name, settings)}" for name in lock_files(graph)]
    package = (*settings.package, *locks)
    code = snapshot_code(datastore, flow_file, settings.project_root, sys.modules, package)
    asked = parameters_of(flow)
    given = {p.attribute: options.parameters[p.attribute] for p in asked if p.attribute in options.parameters}
    inherited = {} if origin is None else origin.started.parameters
    kept = {p.attribute: inherited[p.attribute] for p in asked if p.attribute in inherited.keys() - given.keys()}
    missing = [p for p in asked if p.attribute not in given and p.attribute not in kept]
    values = {**given, **default_values(flow, missing, settings, skips_required=skips_required)}
    facts = flow_facts(graph, settings, options.flow_options, datastore, origin)
    is_beating = options.isolation is not Isolation.NONE  # a step in this very thread leaves no time for it
    return RunStarted(
        time=time.time(),
        flow=graph.name,
        run_id="unnamed",
        user=settings.user,
        parameters={**kept, **_save_all(datastore, graph.name, values)},
        constants=_save_all(datastore, graph.name, constants_of(flow)),
        graph=graph.to_dict(),
        code=code,
        environment=snapshot_environment(datastore, settings.installed_folder, settings.project_root, sys.path),
        tags=options.tags,
        system_tags=(
            f"user:{settings.user}",
            "runtime:local",
            f"python_version:{platform.python_version()}",
            f"flowstone_version:{__version__}",
            *(tag for fact in facts for tag in fact.system_tags),
        ),
        origin_run=None if origin is None else origin.started.run_id,
        process=current_process(),
        heartbeat_seconds=_HEARTBEAT_SECONDS if is_beating else None,
        versions={"python": platform.python_version(), "flowstone": __version__},
        settings={
            "isolation": options.isolation.value,
            "max_workers": _workers(options),
            "with": list(options.added),
            **({} if options.namespace is None else {"namespace": options.namespace}),
            **({"environment": "none"} if options.environment == "none" else {}),
            "current": {name: value for fact in facts for name, value in fact.current.items()},
        },
    )


def run_environments(
    graph: FlowGraph, options: RunOptions, settings: Settings, datastore: Datastore, origin: RunSummary | None
) -> tuple[tuple[LockedEnvironment, ...], dict[str, StepEnvironment]]:
    """What steps declared, locked and built here."""
    if options.environment == "none" or not declares_environments(graph):
        return (), {}
    from flowstone_runtime.environments.run_environments import prepare_environments

    known = () if origin is None else origin.started.environments
    return prepare_environments(graph, settings, datastore, known, os.environ)


def _in_project(file: Path, settings: Settings) -> str:
    return os.path.relpath(file, settings.project_root)


def flow_facts(
    graph: FlowGraph,
    settings: Settings,
    flow_options: Mapping[str, Any],
    datastore: Datastore,
    origin: RunSummary | None,
) -> list[FlowFacts]:
    """What the run has of the flow's decorators."""
    before = {} if origin is None else origin.started.settings.get("current", {})
    start = FlowStart(graph.name, settings.user, flow_options, datastore, before)
    decorators = [each for each in graph.decorators if isinstance(each, FlowDecorator)]
    check_flow_options(decorators, flow_options)
    return [each.facts(start) for each in decorators]


def _save_all(datastore: Datastore, flow: str, values: Mapping[str, Any]) -> dict[str, Artifact]:
    saved = {}
    for name, value in values.items():
        try:
            saved[name] = save_value(datastore.artifacts, value)
        except UnpicklableError as error:
            raise UsageError(
                f"{flow}.{name} of type {error.type_name} cannot be stored: {error.detail}; "
                "make it in the step that needs it, or begin the attribute's name with '_', which makes it no data"
            ) from error
    return saved


def _write_run_id(file: Path | None, run_id: str) -> None:
    if file is None:
        return
    try:
        file.write_text(run_id, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--run-id-file {file} cannot be written: {error.strerror}; name another file") from error


def _workers(options: RunOptions) -> int:
    if options.isolation is Isolation.NONE:
        return 1
    return options.max_workers or usable_cores()


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
        limits=Limits(_workers(options), in_all=options.max_workers)
        if options.max_workers
        else Limits(_workers(options)),
        capacity=this_machine(os.environ),
        environ=dict(os.environ),
        heartbeat_seconds=_HEARTBEAT_SECONDS,
        max_num_splits=options.max_num_splits,
        keeps_going=options.keeps_going,
        reuse=reuse,
    )


def started_program(graph: FlowGraph) -> tuple[Path, str | None]:
    """The file that was started here, and its module name if it is part of a package.

    It need not be the file of the flow; a worker in a process of its own starts the same.
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None) or graph.file
    return Path(file).absolute(), None if spec is None else spec.name


def _debugger() -> Callable[[BaseException], None]:
    from flowstone_runtime.tasks.post_mortem import debug

    return debug


def _executor(
    isolation: Isolation, runner: TaskRunner, events: Events, place: ExecutorPlace, settings: Settings
) -> Executor:
    worker = ForkedWorker(runner)
    own: Executor
    if isolation is Isolation.NONE:
        own = InProcessExecutor(events.put, worker)
    else:
        own = LocalExecutor(events.put, worker if isolation is Isolation.FORK else None)
        own.open()

    def opened(request: TaskRequest) -> Executor:
        if request.executor is not None:
            its_settings = settings.executors.get(request.executor, {})
            return open_executor(request.executor, events.put, attrs.evolve(place, settings=its_settings))
        if isolation is Isolation.SPAWN:  # a request says which interpreter it wants
            return own
        if isolation is Isolation.NONE:
            return LocalExecutor(events.put)
        return LocalExecutor(events.put, launch=Launch((*request.argv, SERVE), request.environ))

    return StepExecutors(own, opened)


def _place(datastore: Datastore, record: RunStarted, origin: RunSummary | None) -> ExecutorPlace:
    """What executors of other machines work with; `earlier` is of the runs that died one after the other."""
    earlier = []
    while origin is not None:
        from flowstone_runtime.past_runs.resume import read_run

        earlier.append(RunStaging(datastore.storage, record.flow, origin.started.run_id))
        before = origin.started.origin_run if origin.state is RunState.DIED else None
        origin = None if before is None else read_run(datastore, record.flow, before)
    staging = RunStaging(datastore.storage, record.flow, record.run_id)
    return ExecutorPlace(f"{record.flow}/{record.run_id}", staging, earlier=tuple(earlier))


def run_launch(graph: FlowGraph, record: RunStarted, settings: Settings, datastore: Datastore) -> "LaunchRef":
    """What machines are told that are to run tasks of the run: everything is stored when this returns."""
    from flowstone_runtime.remote.prepare import prepare_launch, started_file

    assert record.code is not None, "every run keeps its code"
    main_file, module = started_program(graph)
    kinds = _kinds(graph, settings) if record.environments else frozenset[str]()
    memory = Path(settings.cache_folder) / "archives" if settings.cache_folder else None
    started = started_file(record.code, settings.project_root, main_file, module)
    return prepare_launch(datastore, record.code, started, memory, kinds)


def _kinds(graph: FlowGraph, settings: Settings) -> frozenset[str]:
    from flowstone_runtime.environments.declared import environment_requests

    return frozenset(request.kind for request in environment_requests(graph, settings.store).values())


def _hook_executor(
    isolation: Isolation, graph: FlowGraph, datastore: Datastore, events: Events
) -> Executor | None:
    """What calls the flow's exit hooks, ready before any thread is; `None` for a flow that has none."""
    if not any(isinstance(decorator, ExitHook) for decorator in graph.decorators):
        return None
    from flowstone_runtime.hook_worker import ForkedHook

    program = ForkedHook(graph, datastore)
    if isolation is Isolation.NONE:
        return InProcessExecutor(events.put, program)
    executor = LocalExecutor(events.put, program if isolation is Isolation.FORK else None)
    executor.open()
    return executor


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


@contextmanager
def _stop_on_signals(events: Events, *, in_process: bool) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into a request to stop, for as long as the run goes on."""

    def stop(number: int, _frame: object) -> None:
        if in_process:  # the step runs in this very thread
            raise KeyboardInterrupt
        events.put(StopRequest(f"stopped by {signal.Signals(number).name}"))

    # Under nohup, SIGHUP is ignored, and stays so.
    ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} - ignored
    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
