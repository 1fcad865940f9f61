"""A task: one execution of a step, named by where it stands in the graph."""

import attrs

from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self


class InvalidTaskIdError(FlowstoneError, ValueError):
    """A text that no task of this step is called by."""

    def __init__(self, step: str, text: str, depth: int) -> None:
        super().__init__(step, text, depth)
        self.step = step
        self.text = text
        self.depth = depth

    def __str__(self) -> str:
        form = "-".join(["<number>"] * self.depth) or "0"
        return (
            f"{self.text!r} is no task of step {self.step!r}: tasks there are called {form} or {form}.<iteration>"
        )


@attrs.frozen
class ForeachFrame:
    """One level of foreach around a task: which split, which of its items, of how many."""

    step: str
    index: int
    count: int


@attrs.frozen
class TaskKey:
    """What tells a task from all others of its run, whoever schedules it.

    >>> TaskKey("fit", (3, 1), iteration=2).id
    '3-1.2'
    """

    step: str
    indices: tuple[int, ...] = ()
    """The item's index at each level of foreach, outermost first."""
    iteration: int = 0
    """How many times the step, a switch, has led back to itself before."""

    @property
    def id(self) -> str:
        """The task's part of a pathspec: the indices joined by `-` (`0` if there are none), then `.<iteration>`.

        Unique within the step. A 0 for "no index" cannot be mistaken, since all
        tasks of one step have the same number of indices.
        """
        item = "-".join(map(str, self.indices)) or "0"
        return f"{item}.{self.iteration}" if self.iteration else item

    @classmethod
    def parse(cls, step: str, text: str, depth: int) -> Self:
        """The key whose `id` is `text`.

        Args:
            step: the step.
            text: the task's part of a pathspec.
            depth: how many levels of foreach enclose the step: `len(graph.foreach_stack(step))`.

        Raises:
            InvalidTaskIdError: no key of this step has this id.
        """
        item, _, iteration = text.partition(".")
        numbers = [*item.split("-"), iteration or "0"]
        if all(number.isascii() and number.isdigit() for number in numbers):
            *indices, last = map(int, numbers)
            key = cls(step, tuple(indices[:depth]), last)
            if len(key.indices) == depth and key.id == text:
                return key
        raise InvalidTaskIdError(step, text, depth)

    def __str__(self) -> str:
        return f"{self.step}/{self.id}"


@attrs.frozen
class Task:
    """A task that may run now: all it waits for has finished."""

    key: TaskKey
    stack: tuple[ForeachFrame, ...] = ()
    """The levels of foreach around it, outermost first."""
    parents: tuple[TaskKey, ...] = ()
    """The tasks whose artifacts it starts from.

    Of a join: one per item in the order of the items, or one per branch in the
    order in which the split names them; none if there were no items. Of the first
    task: none. Of every other: one.
    """
