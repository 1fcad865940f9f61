"""The parents and the foreach stack of a task, from its name and the records of those before it.

The same that `Execution` says, which knows the whole run: a test compares both.
"""

import attrs

from flowstone_graph import FlowGraph, ForeachFrame, Kind, TaskKey
from flowstone_runtime.production.finished_tasks import FinishedTask, FinishedTasks


@attrs.frozen
class Ancestry:
    """What a task starts from."""

    stack: tuple[ForeachFrame, ...] = ()
    parents: tuple[FinishedTask, ...] = ()
    """In the order in which a join sees them."""
    split: FinishedTask | None = None
    """The foreach that had no items, for a join that therefore has no parents."""


def ancestry(graph: FlowGraph, key: TaskKey, parent: TaskKey | None, known: FinishedTasks) -> Ancestry:
    """What the task starts from.

    Args:
        graph: the run's.
        key: the task.
        parent: the task that led to it; of a join its split; `None` for the first task.
        known: the records of the run.

    Raises:
        ParentNotFoundError: a task that it needs has not finished.
    """
    if graph[key.step].kind is Kind.JOIN:
        return _of_join(graph, key, known)
    if parent is None:
        return Ancestry()
    (before,) = known.each_of([[parent]])
    if graph[parent.step].kind is Kind.FOREACH:
        return Ancestry((*before.stack, ForeachFrame(parent.step, key.indices[-1], _count(before))), (before,))
    return Ancestry(before.stack, (before,))


def _of_join(graph: FlowGraph, key: TaskKey, known: FinishedTasks) -> Ancestry:
    split = graph.matching_split(key.step)
    assert split is not None, "a sound graph has a split for each join"
    before = known.one_of([TaskKey(split, key.indices)])
    # Where ways meet in a join, which of them the run came is in the journal only.
    last = [node.name for node in graph if key.step in node.targets and node.name != split]
    if graph[split].kind is Kind.FOREACH:
        choices = [[TaskKey(step, (*key.indices, index)) for step in last] for index in range(_count(before))]
    else:
        branches = range(len(graph[split].targets))
        choices = [
            [TaskKey(step, key.indices) for step in last if graph.branch_index(step) == branch]
            for branch in branches
        ]
    parents = known.each_of(choices)
    return Ancestry(before.stack, parents, None if parents else before)


def _count(split: FinishedTask) -> int:
    leaving = split.record.transition
    return leaving.count or 0 if leaving is not None else 0
