"""Which task a job is to do: the variables of its environment, and what they mean in the run's graph."""

from collections.abc import Mapping

import attrs

from flowstone_graph import FlowGraph, TaskKey
from flowstone_interfaces.production import FAILURE, INPUT, ITEM, PARENT, RUN, STEP
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.errors import UsageError


@attrs.frozen
class TaskIdentity:
    """What a production scheduler says to a job."""

    run_id: str
    step: str
    item: str
    parent: str
    """The step that led here, and its iteration; empty for the first step."""
    failure: str | None = None
    """Why the last attempt failed, for a job that only catches it."""
    input: str = ""
    """For the first task: what started the execution."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            UsageError: one is missing: nobody but a scheduler starts such a process.
        """
        missing = [name for name in (RUN, STEP, ITEM) if not environ.get(name)]
        if missing:
            raise UsageError(f"the variable {missing[0]} is not set: a production scheduler starts this program")
        return cls(
            environ[RUN],
            environ[STEP],
            environ[ITEM],
            environ.get(PARENT, ""),
            environ.get(FAILURE) or None,
            environ.get(INPUT, ""),
        )

    def key(self, graph: FlowGraph) -> TaskKey:
        """The task's key.

        Raises:
            UnknownStepError: the graph has no such step.
            InvalidTaskIdError: the step has no such items around it.
        """
        key = TaskKey.parse(self.step, self.item, len(graph.foreach_stack(self.step)))
        parent = self.parent_key(graph)
        return attrs.evolve(key, iteration=parent.iteration + 1) if parent and parent.step == self.step else key

    def parent_key(self, graph: FlowGraph) -> TaskKey | None:
        """The task that led here; `None` for the first task. Of a join that is its split."""
        if not self.parent:
            return None
        step, _, iteration = self.parent.partition(".")
        own = TaskKey.parse(self.step, self.item, len(graph.foreach_stack(self.step)))
        depth = len(graph.foreach_stack(step))
        return TaskKey(step, own.indices[:depth], int(iteration or 0))


def segment_of(key: TaskKey, attempt: int) -> str:
    """The part of the journal that an attempt writes.

    >>> segment_of(TaskKey("fit", (3, 1), 2), 0)
    'task.fit.3-1.2.0'
    """
    return f"task.{key.step}.{key.id}.{attempt}"


def parent_text(key: TaskKey) -> str:
    """What the job that follows is told of this task: see `PARENT`.

    >>> parent_text(TaskKey("loop", (), 2))
    'loop.2'
    """
    return f"{key.step}.{key.iteration}" if key.iteration else key.step
