"""`StepMutator` and `FlowMutator`: code of the user's that changes what a flow is, before it runs.

class Careful(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.add_decorator("retry:times=2")
"""

from typing import TYPE_CHECKING, Any

import attrs

from flowstone_runtime.decorators.step_decorator import attach_to_step
from flowstone_runtime.user_decorators.arguments import Arguments, WithArguments, is_step, refuse

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

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """The mutated step, or, called with arguments, what mutates one."""
        if args and is_step(args[0]):
            return attach_to_step(args[0], Mutation(Arguments(cls, args[1:], kwargs)))
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = Arguments(type(self), args, kwargs)

    def __call__(self, step: Any) -> Any:
        """Have it change a step."""
        if not is_step(step):
            raise refuse(type(self), step, "a step")
        return attach_to_step(step, Mutation(self._arguments))

    def pre_mutate(self, mutable_step: "MutableStep") -> None:
        """Called as soon as the configs are read, before the command line is."""

    def mutate(self, mutable_step: "MutableStep") -> None:
        """Called when the command line is read and the decorators of `--with` are added."""


class FlowMutator(WithArguments):
    """Derive from it to change a flow's parameters and decorators, knowing its configs.

    Those of the classes that a flow inherits from are called first; of one class, the nearest to it is first.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """The mutated flow, or, called with arguments, what mutates one."""
        if args and _is_flow(args[0]):
            return _attach(args[0], Mutation(Arguments(cls, args[1:], kwargs)))
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = Arguments(type(self), args, kwargs)

    def __call__(self, flow: Any) -> Any:
        """Have it change a flow."""
        if not _is_flow(flow):
            raise refuse(type(self), flow, "a flow")
        return _attach(flow, Mutation(self._arguments))

    def pre_mutate(self, mutable_flow: "MutableFlow") -> None:
        """Called as soon as the configs are read, before the command line is."""

    def mutate(self, mutable_flow: "MutableFlow") -> None:
        """Called when the command line is read and the decorators of `--with` are added."""


def flow_mutations(flow: type) -> tuple[Mutation, ...]:
    """The mutators of a flow class, in the order in which they are called."""
    return tuple(
        mutation for base in reversed(flow.__mro__) for mutation in vars(base).get("_flowstone_mutators", ())
    )


def _is_flow(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "_flowstone_mutators")


def _attach(flow: Any, mutation: Mutation) -> Any:
    flow._flowstone_mutators = (*vars(flow).get("_flowstone_mutators", ()), mutation)  # noqa: SLF001 - its slot
    return flow
