"""What a mutator sees of a step: its decorators, to look at and to change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from flowstone_runtime.user_decorators.decorator_list import DecoratorList, Duplicates, Spec
from flowstone_runtime.user_decorators.named_decorator import step_decorator

if TYPE_CHECKING:
    from flowstone_runtime.user_decorators.mutable_flow import MutableFlow


class MutableStep:
    """One step of the flow that is about to run; nothing changes for other flows that inherit it."""

    IGNORE: ClassVar[Duplicates] = Duplicates.IGNORE
    ERROR: ClassVar[Duplicates] = Duplicates.ERROR
    OVERRIDE: ClassVar[Duplicates] = Duplicates.OVERRIDE

    def __init__(self, flow: "MutableFlow", name: str, decorators: DecoratorList) -> None:
        self._flow = flow
        self._name = name
        self._decorators = decorators

    @property
    def name(self) -> str:
        """The step's name."""
        return self._name

    @property
    def flow(self) -> "MutableFlow":
        """The flow that it is a step of."""
        return self._flow

    @property
    def decorator_specs(self) -> Iterator[Spec]:
        """Its decorators as data, the innermost first: name, qualified name, arguments, arguments by name."""
        return self._decorators.specs(self._flow.config_values)

    def has_decorator(self, deco_name: str) -> bool:
        """Whether it is decorated with one of this name or qualified name."""
        return bool(self.get_decorator_specs(deco_name))

    def get_decorator_specs(self, deco_name: str) -> list[Spec]:
        """Those of `decorator_specs` that have this name or qualified name."""
        return [spec for spec in self.decorator_specs if deco_name in spec[:2]]

    def add_decorator(
        self,
        deco_type: Any,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
        duplicates: int = IGNORE,
    ) -> None:
        """Decorate the step, outside of what decorates it.

        Args:
            deco_type: the decorator (`retry`, a class of your own), or a text as `--with` takes it:
                `"retry:times=3"`.
            deco_args: arguments by position; only classes of your own take some.
            deco_kwargs: arguments by name.
            duplicates: what to do where it has one of this name: IGNORE leaves that one, OVERRIDE takes its
                place, ERROR refuses.

        Raises:
            UsageError: there is no such decorator, it does not take these arguments, or there is one already.
        """
        self._decorators.add(step_decorator(deco_type, deco_args or (), deco_kwargs or {}), duplicates)

    def remove_decorator(
        self,
        deco_name: str,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
    ) -> bool:
        """Remove the decorators of this name or qualified name, with these arguments if given; True if any was."""
        return self._decorators.remove(deco_name, deco_args, deco_kwargs, self._flow.config_values)
