"""What a step decorator is: plain values, and at most three things that it does.

    @attrs.frozen(kw_only=True)
    class Nice(StepDecorator):
        name: ClassVar[str] = "nice"
        level: int = attrs.field(default=10, converter=int)

        def wrap(self, attempt):
            os.nice(self.level)
            return nullcontext()

    nice = declares(Nice)

`@nice(level=5)` then decorates steps, and the entry point `nice = "my_package:nice"` in the group
`flowstone.decorators` makes `--with nice:level=5` work.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from flowstone_graph import FlowGraph, Node
from flowstone_interfaces import TaskRequest
from flowstone_runtime.decorators.declared import Declared, Decorator, DecoratorUse, declares
from flowstone_runtime.errors import UsageError

if TYPE_CHECKING:
    from flowstone_runtime.decorators.task_attempt import TaskAttempt

__all__ = ["Declared", "DecoratorUse", "StepDecorator", "attach_to_step", "declares"]


class StepDecorator(Decorator):
    """The base of all step decorators: a frozen attrs class whose fields are the options."""

    def check(self, graph: FlowGraph, node: Node) -> str | None:
        """What is wrong with decorating this step of this flow, in one sentence; `None` if nothing is."""

    def fits(self, node: Node) -> bool:
        """Whether `--with`, which decorates every step, decorates this one, too."""
        return True

    def plan(self, request: TaskRequest) -> TaskRequest:
        """What to ask of the executor; called by the scheduler, once for each step of a run.

        `request` is of no task yet: it has no id and no payload.
        """
        return request

    def wrap(self, attempt: "TaskAttempt") -> AbstractContextManager[Any]:
        """A context around the user's code, in the task's own process. It may swallow an exception.

        The decorator that is written first is the outermost.
        """
        return nullcontext()

    @staticmethod
    def attach(target: Any, use: Any) -> Any:
        """Decorate a step."""
        return attach_to_step(target, use)


def attach_to_step(function: Any, use: Any) -> Any:
    """Note on a step that `use` decorates it, outside of what decorates it already; the step.

    Raises:
        UsageError: it is no function.
    """
    if not callable(function):
        raise UsageError(f"@{use.name} decorates {function!r}; write it above a step, with options by name only")
    if isinstance(function, type):
        raise UsageError(f"@{use.name} decorates steps, not the class {function.__name__}; write it above a step")
    function.decorators = (*getattr(function, "decorators", ()), use)
    return function
