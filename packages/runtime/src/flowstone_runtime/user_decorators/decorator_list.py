"""The decorators of one step or one flow, while mutators may still change them."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

import attrs

from flowstone_runtime.configs.expressions import resolve
from flowstone_runtime.decorators.declared import DecoratorUse, options_of
from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.arguments import Arguments

Spec = tuple[str, str, list[Any], dict[str, Any]]
"""A decorator as data: its name, its qualified name, its arguments by position and by name."""


class Duplicates(IntEnum):
    """What to do with a decorator where there is one of its name."""

    IGNORE = 1
    """Leave what is there."""
    ERROR = 2
    """Refuse."""
    OVERRIDE = 3
    """Take its place."""


@attrs.define
class DecoratorList:
    """Decorators, the innermost first, and what can be done with them."""

    owner: str
    """Whose they are, for people."""
    items: list[Any]

    def specs(self, configs: Mapping[str, Any]) -> Iterator[Spec]:
        """Each as data, the innermost first."""
        yield from [_spec(item, configs) for item in self.items]

    def add(self, item: Any, duplicates: int) -> None:
        """Add it outside of all others.

        Raises:
            UsageError: there is one of its name, and that is to be an error.
        """
        there = [other for other in self.items if other.name == item.name]
        if there and getattr(item, "may_repeat", False):
            there = []
        if there and duplicates == Duplicates.ERROR:
            raise UsageError(
                f"{self.owner} has @{item.name} already; remove it first, or add with duplicates=OVERRIDE"
            )
        if there and duplicates == Duplicates.IGNORE:
            return
        self.items = [*(other for other in self.items if other not in there), item]

    def remove(
        self,
        name: str,
        args: Sequence[Any] | None,
        kwargs: Mapping[str, Any] | None,
        configs: Mapping[str, Any],
    ) -> bool:
        """Remove every decorator of this name or qualified name, with these arguments if some are given."""

        def is_meant(item: Any) -> bool:
            short, qualified, own_args, own_kwargs = _spec(item, configs)
            is_named = name in (short, qualified)
            return is_named and (args is None or [*args] == own_args) and (kwargs is None or kwargs == own_kwargs)

        kept = [item for item in self.items if not is_meant(item)]
        is_removed = len(kept) < len(self.items)
        self.items = kept
        return is_removed


def _spec(item: Any, configs: Mapping[str, Any]) -> Spec:
    arguments = getattr(item, "arguments", None)
    if isinstance(arguments, Arguments):
        settled = arguments.resolved(configs)
        return arguments.name, arguments.qualified_name, list(settled.args), dict(settled.kwargs)
    kind = item.kind if isinstance(item, DecoratorUse) else type(item)
    qualified = f"{kind.__module__}.{kind.__qualname__}"
    return item.name, qualified, [], resolve(options_of(item), configs)
