"""`StepMutator` and `FlowMutator`: code of the user's that changes what a flow is, before it runs.

class Careful(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.add_decorator("retry:times=2")
"""

from typing import TYPE_CHECKING, Any

import attrs

from flowstone_runtime.decorators.step_decorator import attach_to_step
from flowstone_runtime.user_decorators.arguments import Arguments, WithArguments

if TYPE_CHECKING:
    from flowstone_runtime.user_decorators.mutable_flow import MutableFlow
    from flowstone_runtime.user_decorators.mutable_step import MutableStep


@attrs.frozen
class Mutation:
    """A user's mutator of a step or a flow, as it was written."""

    arguments: Arguments

    @property
    def name(self) -> str:
        """What people call it."""
        return self.arguments.name


class StepMutator(WithArguments):
    """Derive from it to change the decorators of steps, knowing the flow's configs.

    The mutator nearest to the step is called first.
    """

    def pre_mutate(self, mutable_step: "MutableStep") -> None:
        """Called as soon as the configs are read, before the command line is."""

    def mutate(self, mutable_step: "MutableStep") -> None:
        """Called when the command line is read and the decorators of `--with` are added."""

    @staticmethod
    def _decorate(target: Any, arguments: Arguments) -> Any:
        return attach_to_step(target, Mutation(arguments))


class FlowMutator(WithArguments):
    """Derive from it to change a flow's parameters and decorators, knowing its configs.

    Those of the classes that a flow inherits from are called first; of one class, the nearest to it is first.
    """

    _decorates = "a flow"

    def pre_mutate(self, mutable_flow: "MutableFlow") -> None:
        """Called as soon as the configs are read, before the command line is."""

    def mutate(self, mutable_flow: "MutableFlow") -> None:
        """Called when the command line is read and the decorators of `--with` are added."""

    @staticmethod
    def _can_decorate(target: Any) -> bool:
        return isinstance(target, type) and hasattr(target, "_flowstone_mutators")

    @staticmethod
    def _decorate(target: Any, arguments: Arguments) -> Any:
        older = vars(target).get("_flowstone_mutators", ())
        target._flowstone_mutators = (*older, Mutation(arguments))  # noqa: SLF001 - its slot
        return target


def flow_mutations(flow: type) -> tuple[Mutation, ...]:
    """The mutators of a flow class, in the order in which they are called."""
    return tuple(
        mutation for base in reversed(flow.__mro__) for mutation in vars(base).get("_flowstone_mutators", ())
    )
