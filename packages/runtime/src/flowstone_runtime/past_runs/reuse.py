"""Which tasks of an old run still count."""

from collections.abc import Mapping

import attrs

from flowstone_datastore import Artifact, RunSummary, TaskFinished, TaskStarted
from flowstone_graph import FlowGraph, Kind, Task, TaskKey, Transition


@attrs.frozen
class ReusedTask:
    """The records of a task that another run takes over."""

    started: TaskStarted
    finished: TaskFinished


class Reuse:
    """Decides for each task of a run that resumes another whether the old result stands.

    It does if the task finished then, in the same place of the graph; if all that it comes after stands, too; if
    the parameters and constants that it read have the values that they had; and if nobody asked to run its step
    again. So what is run again is what failed, what never ran, what a change touches, and what follows from these.
    """

    def __init__(
        self,
        graph: FlowGraph,
        origin: RunSummary,
        values: Mapping[str, Artifact],
        steps_to_run: frozenset[str] = frozenset(),
        *,
        is_same: bool = False,
    ) -> None:
        """`values` are the parameters and constants of the run that resumes.

        `is_same` says that all of them, and the code, are those of the old run.
        """
        self._is_same = is_same
        self._graph = graph
        self._origin = origin
        self._values = values
        self._steps_to_run = steps_to_run
        self._taken: set[TaskKey] = set()

    def take(self, task: Task, time: float) -> ReusedTask | None:
        """The old task's records, as they are to stand in the new run's journal; `None` if the task must run."""
        summary = self._origin.tasks.get((task.key.step, task.key.id))
        if summary is None or summary.started is None or not isinstance(summary.ended, TaskFinished):
            return None
        if not self._stands(task, summary.started, summary.ended):
            return None
        self._taken.add(task.key)
        key = f"{self._origin.started.run_id}/{task.key.step}/{task.key.id}"
        return ReusedTask(
            attrs.evolve(summary.started, time=time, worker=""),
            attrs.evolve(summary.ended, time=time, logs=None, origin=summary.ended.origin or key),
        )

    def goes_on(self, task: Task) -> bool:
        """Whether what the old run began for the task, and may still run elsewhere, is as good as a new attempt.

        Until it has ended nobody knows what it reads: nothing at all may differ.
        """
        return (
            self._is_same
            and task.key.step not in self._steps_to_run
            and self._taken.issuperset(self._before(task))
        )

    def _stands(self, task: Task, started: TaskStarted, finished: TaskFinished) -> bool:
        leaving = finished.transition
        transition = Transition() if leaving is None else Transition(leaving.targets, leaving.count)
        return (
            task.key.step not in self._steps_to_run
            and started.stack == tuple((frame.step, frame.index, frame.count) for frame in task.stack)
            and started.parents == tuple((key.step, key.id) for key in task.parents)
            and self._taken.issuperset(self._before(task))
            and self._graph[task.key.step].allows(transition)
            and all(self._is_as_it_was(name, address) for name, address in finished.reads.parameters.items())
        )

    def _before(self, task: Task) -> tuple[TaskKey, ...]:
        """What the task comes after: its parents, or the foreach without items that it closes."""
        if task.parents or self._graph[task.key.step].kind is not Kind.JOIN:
            return task.parents
        split = self._graph.matching_split(task.key.step)
        assert split is not None, "a join closes a split"
        return (TaskKey(split, task.key.indices),)

    def _is_as_it_was(self, name: str, address: str) -> bool:
        value = self._values.get(name)
        return value is not None and value.address == address
