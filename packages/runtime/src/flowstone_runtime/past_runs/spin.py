"""Which task to do once more, and what it starts from: decided from the journal of its run alone."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_datastore import Artifact, RunSummary, TaskFinished, TaskStarted
from flowstone_graph import FlowGraph, ForeachFrame, Kind, TaskKey
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.errors import UsageError
from flowstone_runtime.past_runs.reuse import ReusedTask
from flowstone_runtime.tasks.gang import is_gang_member


@attrs.frozen
class InputChanges:
    """Values that take the place of what the task's parents left."""

    everywhere: Mapping[str, Any] = attrs.field(factory=dict)
    """Name to value, for every parent."""
    by_parent: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """`step/task` to names and values, for one branch of a join."""

    @classmethod
    def of(cls, artifacts: Mapping[str, Any]) -> Self:
        """Names with values, or `step/task` with a dict of them.

        Raises:
            UsageError: there is no dict.
        """
        by_parent = {name: value for name, value in artifacts.items() if "/" in name}
        for name, value in by_parent.items():
            if not isinstance(value, Mapping):
                raise UsageError(f"artifacts for {name} must be a dict of names and values, not {value!r:.60}")
        return cls({name: value for name, value in artifacts.items() if "/" not in name}, by_parent)

    def for_parent(self, parent: TaskKey) -> dict[str, Any]:
        """What one parent is to have left."""
        return {**self.everywhere, **self.by_parent.get(str(parent), {})}


@attrs.frozen
class SpinTask:
    """A task of an older run, and what it came after."""

    key: TaskKey
    stack: tuple[ForeachFrame, ...]
    started: TaskStarted
    before: Mapping[TaskKey, ReusedTask]
    """Its parents, in the order of a join's inputs; of a join without any, the foreach that had no items."""
    has_parents: bool

    @classmethod
    def of(cls, graph: FlowGraph, origin: RunSummary, step: str, task: str) -> Self:
        """The task of this run, to be done as `graph` has it now.

        Raises:
            UsageError: it never began, it does not fit the graph any more, what it came after did not finish, or
                it is one of a gang (`num_parallel`), which only run together.
        """
        pathspec = f"{origin.started.flow}/{origin.started.run_id}/{step}/{task}"
        node = graph[step]
        known = origin.tasks.get((step, task))
        if known is None or known.started is None:
            raise UsageError(f"{pathspec} never began, so nothing says what it starts from; name another task")
        started = known.started
        stack = tuple(ForeachFrame(split, index, count or 0) for split, index, count in started.stack)
        if is_gang_member(graph, step, stack):
            raise UsageError(f"{pathspec} is one of a gang, whose tasks run together only; run the flow")
        key = TaskKey.parse(step, task, len(graph.foreach_stack(step)))
        before = [TaskKey.parse(name, text, len(graph.foreach_stack(name))) for name, text in started.parents]
        if node.kind is Kind.JOIN and not before:
            split = graph.matching_split(step)
            assert split is not None, "a join closes a split"
            before = [TaskKey(split, key.indices)]
        elif (node.kind is Kind.JOIN) is not _joined(origin, step) or (not before and step != graph.start):
            raise UsageError(f"step {step!r} takes other inputs now than in {pathspec}; run the flow")
        return cls(key, stack, started, {key: _finished(origin, key) for key in before}, bool(started.parents))


def _joined(origin: RunSummary, step: str) -> bool:
    """Whether the step was a join in that run."""
    nodes: Any = origin.started.graph["nodes"]
    return any(node["name"] == step and node["kind"] == Kind.JOIN.value for node in nodes)


def _finished(origin: RunSummary, key: TaskKey) -> ReusedTask:
    known = origin.tasks.get((key.step, key.id))
    if known is None or known.started is None or not isinstance(known.ended, TaskFinished):
        raise UsageError(f"{key}, which comes before it, did not finish in that run; name another run")
    return ReusedTask(known.started, known.ended)


def taken_over(
    task: ReusedTask, origin_run: str, time: float, changes: Mapping[str, Artifact]
) -> tuple[TaskStarted, TaskFinished]:
    """The records of a task that another run takes over, with some of its artifacts changed.

    With changes it is nobody's result any more, so it does not say where it ran.
    """
    key = f"{origin_run}/{task.finished.step}/{task.finished.task}"
    started = attrs.evolve(task.started, time=time, worker="")
    finished = attrs.evolve(
        task.finished,
        time=time,
        logs=None,
        origin=None if changes else task.finished.origin or key,
        artifacts=task.finished.artifacts.updated(changes),
    )
    return started, finished
