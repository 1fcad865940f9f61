"""`UserStepDecorator`: code of the user's around a step, in the step's own process.

class timed(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        self.began = time.time()

    def post_step(self, step_name, flow, exception=None):
        flow.seconds = time.time() - self.began
        return exception
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from flowstone_graph import FlowGraph, Node
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.decorators.step_decorator import StepDecorator, attach_to_step
from flowstone_runtime.user_decorators.arguments import Arguments, WithArguments

USER_SKIP_STEP: dict[str, Any] = {}
"""What a user's step decorator yields to leave out the step and go on where it leads."""

Replacement = Callable[..., Mapping[str, Any] | bool | None]
"""Called in place of the step with the flow, and with `inputs` if it takes a second argument.

It calls `flow.next(...)` itself, or returns True to go on as the step is written, or what to change of that.
"""
PostResult = BaseException | tuple[BaseException | None, Mapping[str, Any] | None] | None


class UserStepDecorator(WithArguments):
    """Derive from it to run code before and after steps.

    Each attempt of a task gets an instance of its own. Of several decorators, the first that is written is the
    outermost: its `pre_step` runs first, its `post_step` last. All of them are inside of the decorators that come
    with flowstone: what they raise is retried, caught and timed as the step's own errors are.
    """

    def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Replacement | None:
        """Called before the step; may give a function to call in its place.

        `flow` is the step's `self`, `inputs` what a join gets, `None` in other steps.
        """
        return None

    def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> PostResult:
        """Called after the step, with what it raised, if it did. Artifacts may still be set.

        What it returns is raised; with `None` the step succeeds. It may also return a pair: that, and a mapping of
        what to change of the step's `self.next`, `{}` for nothing, `None` if it counts as it was called.
        """
        return exception

    skip_step: bool | Mapping[str, Any] = False
    """Set by `pre_step`: True leaves out the step, and so does a mapping of what to change of its `self.next`."""

    @staticmethod
    def _decorate(target: Any, arguments: Arguments) -> Any:
        return attach_to_step(target, UserCode(arguments))


@attrs.frozen
class UserCode(StepDecorator):
    """A user's decorator of a step, as it was written."""

    arguments: Arguments

    @property
    def name(self) -> str:  # type: ignore[override]  # each is called by its class
        """What people call it."""
        return self.arguments.name

    def check(self, graph: FlowGraph, node: Node) -> str | None:
        """Refuse arguments that it does not take."""
        return self.arguments.fault()

    def make(self) -> UserStepDecorator:
        """What one attempt of a task is wrapped in."""
        return cast("UserStepDecorator", self.arguments.make())

    def resolved(self, configs: Mapping[str, Any]) -> Self:
        """The same with what the flow's configs give in its place."""
        return attrs.evolve(self, arguments=self.arguments.resolved(configs))
