"""Do one task of an older run once more, as its step is written now: a run of that task alone."""

import os
import queue
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import (
    SPUN_TAG,
    Datastore,
    LockedEnvironment,
    RunEnded,
    RunStarted,
    RunSummary,
    SegmentWriter,
    TaskFailed,
    TaskFinished,
)
from flowstone_datastore.deletion import delete_run
from flowstone_executors import InProcessExecutor, LocalExecutor
from flowstone_graph import FlowGraph
from flowstone_interfaces import Stream, TaskLog
from flowstone_interfaces import TaskFinished as TaskFinishedEvent
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.declared_environments import declares_environments
from flowstone_runtime.environments import StepEnvironment
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.included_content import save_value
from flowstone_runtime.past_runs.resume import ResumeRequest
from flowstone_runtime.past_runs.spin import InputChanges, SpinTask, taken_over
from flowstone_runtime.scheduling.local_run import SEGMENT
from flowstone_runtime.scheduling.run_options import Isolation, RunOptions
from flowstone_runtime.scheduling.run_plan import Events
from flowstone_runtime.scheduling.run_record import run_record
from flowstone_runtime.scheduling.step_request import WORKER_ARGV, step_request
from flowstone_runtime.tasks.end_of_task import end_of_task
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec
from flowstone_runtime.worker import ForkedWorker


@attrs.frozen
class SpinOptions:
    """How to do it."""

    changes: InputChanges = attrs.field(factory=InputChanges)
    skips_decorators: bool = False
    """Run the step as if it had no decorators."""
    added: tuple[str, ...] = ()
    """Decorators as `--with` takes them."""
    has_debugger: bool = False
    """Open a debugger where the step fails."""
    environment: str = "declared"
    """As in `RunOptions`."""
    announce: Callable[[str], None] | None = None
    """Told the new task's pathspec as soon as the task has begun; `None` if nobody asked."""


@attrs.frozen
class SpinResult:
    """What became of it."""

    run_id: str
    """Of the run that has this one task."""
    record: TaskFinished | TaskFailed


def spin(
    flow: type[FlowSpec],
    datastore: Datastore,
    settings: Settings,
    origin: RunSummary,
    step: str,
    task: str,
    options: SpinOptions,
) -> SpinResult:
    """Run the task in this process; its run is recorded beside the others, and counts as none of them.

    Raises:
        InvalidFlowError: the flow's graph is at fault; nothing has run.
        UsageError: the task cannot be done again; nothing has run.
        StorageError: the store cannot be used.
    """
    bind_configs(flow, stored_configs(flow, datastore, origin.started))
    graph = declared_graph(flow, options.added, bound_configs(flow))
    if options.skips_decorators:
        graph = _without_decorators(graph, step)
    chosen = SpinTask.of(graph, origin, step, task)
    locked, environment = _environment(graph, datastore, settings, origin, step, options)
    record = attrs.evolve(_first_record(flow, graph, datastore, settings, origin, options), environments=locked)
    journal = datastore.journal(graph.name, record.run_id).writer(SEGMENT)
    spec = _spec(datastore, record, journal, chosen, origin, options.changes)
    runner = TaskRunner(flow, graph, datastore, record, _debugger() if options.has_debugger else None)
    end = _execute(runner, spec, graph, chosen, journal, options.announce, environment)
    state = "finished" if isinstance(end, TaskFinished) else "failed"
    journal.append(RunEnded(time=time.time(), state=state))
    return SpinResult(record.run_id, end)


def _environment(
    graph: FlowGraph,
    datastore: Datastore,
    settings: Settings,
    origin: RunSummary,
    step: str,
    options: SpinOptions,
) -> tuple[tuple[LockedEnvironment, ...], StepEnvironment | None]:
    """The environment that the step declares; that of the older run if the declaration is the same."""
    if options.skips_decorators or options.environment == "none" or not declares_environments(graph):
        return (), None
    from flowstone_runtime.environments.run_environments import prepare_environments

    known = origin.started.environments
    locked, ready = prepare_environments(graph, settings, datastore, known, os.environ, (step,))
    if ready and options.has_debugger:
        place = f"step {step!r} has an environment of its own, and --pdb debugs in this one"
        raise UsageError(f"{place}; write --environment none before spin")
    return locked, ready.get(step)


def forget(datastore: Datastore, flow: str, run_id: str) -> None:
    """Delete the record of such a run; what only it stored goes with the next collection."""
    delete_run(datastore, flow, run_id, time.time())


def _without_decorators(graph: FlowGraph, step: str) -> FlowGraph:
    nodes = [attrs.evolve(node, decorators=()) if node.name == step else node for node in graph]
    return attrs.evolve(graph, nodes=tuple(nodes))


def _first_record(
    flow: type[FlowSpec],
    graph: FlowGraph,
    datastore: Datastore,
    settings: Settings,
    origin: RunSummary,
    options: SpinOptions,
) -> RunStarted:
    resume = ResumeRequest(origin.started.run_id)
    run = RunOptions(parameters={}, isolation=Isolation.NONE, added=options.added, resume=resume)
    draft = run_record(flow, graph, run, settings, datastore, origin)
    tags = [tag for tag in draft.system_tags if not tag.startswith("runtime:")]
    run_id = datastore.new_run_id(graph.name, draft.time)
    return attrs.evolve(draft, run_id=run_id, system_tags=(*tags, SPUN_TAG))


def _spec(
    datastore: Datastore,
    record: RunStarted,
    journal: SegmentWriter,
    chosen: SpinTask,
    origin: RunSummary,
    changes: InputChanges,
) -> TaskSpec:
    """Write down what the task comes after; what a worker is told to do."""
    run_ref = journal.append(record)
    refs: list[ParentRef] = []
    for key, task in chosen.before.items():
        saved = _saved(datastore, changes.for_parent(key))
        started, finished = taken_over(task, origin.started.run_id, time.time(), saved)
        journal.append(started)
        refs.append(ParentRef(key, journal.append(finished)))
    return TaskSpec(
        store=datastore.url,
        flow=record.flow,
        run_id=record.run_id,
        key=chosen.key,
        attempt=0,
        stack=chosen.stack,
        parents=tuple(refs) if chosen.has_parents else (),
        split=refs[0] if refs and not chosen.has_parents else None,
        run_record=run_ref,
        main_file=str(Path(sys.argv[0]).absolute()),
    )


def _saved(datastore: Datastore, values: Mapping[str, Any]) -> Any:
    return {name: save_value(datastore.artifacts, value) for name, value in values.items()}


def _execute(
    runner: TaskRunner,
    spec: TaskSpec,
    graph: FlowGraph,
    chosen: SpinTask,
    journal: SegmentWriter,
    announce: Callable[[str], None] | None,
    environment: StepEnvironment | None,
) -> TaskFinished | TaskFailed:
    began, worker = time.time(), f"pid {os.getpid()}"
    journal.append(attrs.evolve(chosen.started, time=began, attempt=0, worker=worker))
    if announce is not None:
        announce(f"{spec.flow}/{spec.run_id}/{chosen.started.step}/{chosen.started.task}")
    events: Events = queue.SimpleQueue()
    request = step_request(graph[spec.key.step], WORKER_ARGV, environment)
    own = InProcessExecutor(events.put, ForkedWorker(runner))
    executor = own if environment is None else LocalExecutor(events.put)
    try:
        executor.submit(attrs.evolve(request, id="spin", payload=spec.to_json()))
        event = events.get()
        while not isinstance(event, TaskFinishedEvent):
            if isinstance(event, TaskLog):
                _show(event)
            event = events.get()
    finally:
        executor.close()
    end = end_of_task(event, spec.key, 0, None, time.time() - began).record
    journal.append(end)
    return end


def _show(output: TaskLog) -> None:
    """What a process of its own wrote, as if this one had."""
    stream = sys.stdout if output.stream is Stream.STDOUT else sys.stderr
    stream.write(output.data.decode(errors="replace"))
    stream.flush()


def _debugger() -> Callable[[BaseException], None]:
    from flowstone_runtime.tasks.post_mortem import debug

    return debug
