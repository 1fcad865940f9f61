"""What a join sees of its branches: `inputs.a`, `inputs[0]`, `for branch in inputs`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, overload

from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from flowstone_runtime.flowspec import FlowSpec


class NoSuchInputError(FlowstoneError, AttributeError):
    """A join asked for a branch that does not lead to it."""

    def __init__(self, step: str, known: tuple[str, ...]) -> None:
        super().__init__(step, known)
        self.step = step
        self.known = known

    def __str__(self) -> str:
        return (
            f"no branch into this join ends with step {self.step!r}; inputs has {', '.join(self.known) or 'none'}"
        )


class Inputs:
    """The branches of a join in a fixed order, each with its artifacts as attributes.

    Of a foreach, in the order of the items; of a static split, in the order in which
    `self.next` names them. Artifacts are loaded when they are read.
    """

    def __init__(self, branches: "tuple[FlowSpec, ...]", steps: tuple[str, ...]) -> None:
        self._branches = branches
        self._steps = steps

    def __len__(self) -> int:
        return len(self._branches)

    def __iter__(self) -> "Iterator[Any]":
        return iter(self._branches)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._branches[index]

    def __getattr__(self, step: str) -> Any:
        if step.startswith("__"):
            raise AttributeError(step)
        for name, branch in zip(reversed(self._steps), reversed(self._branches), strict=True):
            if name == step:
                return branch
        raise NoSuchInputError(step, tuple(dict.fromkeys(self._steps)))

    def __repr__(self) -> str:
        return f"<inputs: {len(self)} branches from {', '.join(dict.fromkeys(self._steps))}>"
