"""A task that ran, brought back: its code, its inputs, and `self` as it was."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_datastore import (
    ArtifactTable,
    Datastore,
    RecordRef,
    RunStarted,
    RunSummary,
    TaskFailed,
    TaskFinished,
    TaskSummary,
    is_alive,
)
from flowstone_graph import FlowGraph, ForeachFrame, TaskKey
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.tasks.inputs import Inputs
from flowstone_runtime.tasks.parent_artifacts import ParentArtifacts
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec
from flowstone_runtime.worker import load_flow

if TYPE_CHECKING:
    from flowstone_client import Task


class NotRepeatableError(FlowstoneError, LookupError):
    """A task that cannot be brought back: something of it was not recorded."""

    def __init__(self, pathspec: str, reason: str) -> None:
        super().__init__(pathspec, reason)
        self.pathspec = pathspec
        self.reason = reason

    def __str__(self) -> str:
        advice = f"look at what it left with Task({self.pathspec!r})"
        return f"{self.pathspec} cannot be brought back: {self.reason}; {advice}"


@attrs.frozen
class PastTask:
    """One attempt of a task in this process: nothing that is done here is stored."""

    runner: TaskRunner
    spec: TaskSpec
    known: TaskSummary
    file: Path
    """The flow's file, as it was, in a folder that is deleted in the end."""

    def at_start(self) -> tuple[FlowSpec, Inputs | None]:
        """`self` as the step found it, and the inputs of a join."""
        return self.runner.prepare(self.spec)

    def at_end(self) -> FlowSpec:
        """`self` with all that it had when the attempt ended, loaded when it is read."""
        ended = self.known.ended
        table = ArtifactTable() if ended is None else ended.artifacts
        left = ParentArtifacts(str(self.spec.key), self.runner.datastore.tables, lambda: table)
        return self.runner.restored(self.spec, left)

    def run_again(self) -> FlowSpec:
        """Run the step's own code once more, without decorators; whatever it raises comes out.

        Returns `self` as the step leaves it.
        """
        flow, inputs = self.at_start()
        step = getattr(flow, self.spec.key.step)
        if inputs is None:
            step()
        else:
            step(inputs)
        return flow


@contextmanager
def past_task(task: "Task", datastore: Datastore) -> Iterator[PastTask]:
    """Bring back an attempt of a task, with its code in a temporary folder; this process becomes one that runs it.

    Raises:
        NotRepeatableError: its run kept no code, or something of it was not recorded.
        UsageError: the file does not start the flow.
        FlowstoneError: a part of it is missing or damaged.
    """
    flow_name, run_id, step, task_id = task.path_components
    if not task.code.script_name:
        raise NotRepeatableError(task.pathspec, "its run kept no code")
    records = datastore.journal(flow_name, run_id).records()
    summary = RunSummary.of([record for _, record in records], now=0.0, is_alive=is_alive)
    known = _attempt(records, step, task_id, task.current_attempt)
    if summary is None or known.started is None:
        raise NotRepeatableError(task.pathspec, "nothing says how it was started")
    with task.code.extract() as folder:
        file = Path(str(folder)) / task.code.script_name
        sys.path.insert(0, str(Path(str(folder))))
        flow = load_flow(file, _module_of(task.code.script_name, task.code), flow_name)
        bind_configs(flow, stored_configs(flow, datastore, summary.started))
        graph = declared_graph(flow, summary.started.settings.get("with", ()), bound_configs(flow))
        spec = _spec(datastore, graph, summary.started, known, records, file)
        yield PastTask(TaskRunner(flow, graph, datastore, summary.started), spec, known, file)


def _attempt(records: list[tuple[RecordRef, Any]], step: str, task: str, number: int) -> TaskSummary:
    found = TaskSummary(step, task, number)
    for _, record in records:
        if (getattr(record, "step", None), getattr(record, "task", None)) != (
            step,
            task,
        ) or record.attempt != number:
            continue
        is_end = isinstance(record, TaskFinished | TaskFailed)
        found = attrs.evolve(found, ended=record) if is_end else attrs.evolve(found, started=record)
    return found


def _spec(
    datastore: Datastore,
    graph: FlowGraph,
    run: RunStarted,
    known: TaskSummary,
    records: list[tuple[RecordRef, Any]],
    file: Path,
) -> TaskSpec:
    """What the scheduler told the task, made again from the records."""
    assert known.started is not None, "looked at before"
    ends = {(record.step, record.task): ref for ref, record in records if isinstance(record, TaskFinished)}

    def ref(step: str, task: str) -> ParentRef:
        return ParentRef(_key(graph, step, task), ends[step, task])

    split = graph.matching_split(known.step)
    is_empty_join = split is not None and not known.started.parents
    return TaskSpec(
        store=datastore.url,
        flow=run.flow,
        run_id=run.run_id,
        key=_key(graph, known.step, known.task),
        attempt=known.attempt,
        stack=tuple(ForeachFrame(step, index, count or 0) for step, index, count in known.started.stack),
        parents=tuple(ref(*parent) for parent in known.started.parents),
        split=ref(*_split_task(graph, split, known)) if split is not None and is_empty_join else None,
        run_record=next(found for found, record in records if isinstance(record, RunStarted)),
        main_file=str(file),
    )


def _split_task(graph: FlowGraph, split: str, known: TaskSummary) -> tuple[str, str]:
    """The foreach task without items that a join follows: in the same place of the graph."""
    own = _key(graph, known.step, known.task)
    return split, TaskKey(split, own.indices).id


def _key(graph: FlowGraph, step: str, task: str) -> TaskKey:
    return TaskKey.parse(step, task, len(graph.foreach_stack(step)))


def _module_of(script: str, files: Any) -> str | None:
    """The module that the flow's file is, if it is part of a package."""
    folder, _, name = script.rpartition("/")
    is_in_package = bool(folder) and f"{folder}/__init__.py" in files
    return f"{folder.replace('/', '.')}.{name.removesuffix('.py')}" if is_in_package else None
