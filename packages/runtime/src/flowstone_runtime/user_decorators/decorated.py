"""What a mutator can do with the decorators of a step or of a flow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from flowstone_runtime.user_decorators.decorator_list import DecoratorList, Duplicates, Spec


class Decorated:
    """Something with decorators, to look at and to change; `find` gives the decorator that is meant."""

    IGNORE: ClassVar[Duplicates] = Duplicates.IGNORE
    ERROR: ClassVar[Duplicates] = Duplicates.ERROR
    OVERRIDE: ClassVar[Duplicates] = Duplicates.OVERRIDE

    def __init__(
        self, decorators: DecoratorList, find: Callable[..., Any], config_values: Mapping[str, Any]
    ) -> None:
        self._decorators = decorators
        self._find = find
        self.config_values = config_values
        """The flow's configs by attribute."""

    @property
    def decorator_specs(self) -> Iterator[Spec]:
        """The decorators as data, the innermost first: name, qualified name, arguments, arguments by name."""
        return self._decorators.specs(self.config_values)

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
        """Decorate it, outside of what decorates it. A flow: in `pre_mutate` only.

        Args:
            deco_type: the decorator (`retry`, a class of your own), or a text as `--with` takes it:
                `"retry:times=3"`.
            deco_args: arguments by position; only classes of your own take some.
            deco_kwargs: arguments by name.
            duplicates: what to do where it has one of this name: IGNORE leaves that one, OVERRIDE takes its
                place, ERROR refuses.

        Raises:
            UsageError: there is no such decorator, it does not take these arguments, there is one already, or it
                is too late.
        """
        self._permit("add_decorator")
        self._decorators.add(self._find(deco_type, deco_args or (), deco_kwargs or {}), duplicates)

    def remove_decorator(
        self,
        deco_name: str,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
    ) -> bool:
        """Remove the decorators of this name or qualified name, with these arguments if given; True if any was.

        Of a flow: in `pre_mutate` only.

        Raises:
            UsageError: it is too late.
        """
        self._permit("remove_decorator")
        return self._decorators.remove(deco_name, deco_args, deco_kwargs, self.config_values)

    def _permit(self, what: str) -> None:
        """Raise an error if it is too late for this."""
