"""What a decorator of flows is: plain values that a run, the command line and deployers read.

    @attrs.frozen(kw_only=True)
    class Owner(FlowDecorator):
        name: ClassVar[str] = "owner"
        team: str

        def facts(self, start):
            return FlowFacts(system_tags=(f"team:{self.team}",), current={"team": self.team})

    owner = declares(Owner)

`@owner(team="blue")` then decorates flows; the entry point `owner = "my_package:owner"` in the group
`flowstone.decorators` lets mutators name it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from flowstone_graph import FlowGraph
from flowstone_runtime.decorators.declared import Declared, Decorator, DecoratorUse, declares, options_of
from flowstone_runtime.decorators.plain_options import plain
from flowstone_runtime.errors import UsageError

if TYPE_CHECKING:
    from flowstone_datastore import Datastore

__all__ = ["Declared", "DecoratorUse", "FlowDecorator", "FlowFacts", "FlowOption", "FlowStart", "declares"]


@attrs.frozen
class FlowOption:
    """An option that the flow's command line takes before the command."""

    name: str
    """As it is written, without the dashes."""
    help: str
    is_flag: bool = False
    may_repeat: bool = False
    """Whether it may be given several times; its value is a tuple then."""


@attrs.frozen
class FlowStart:
    """What is known when a run starts."""

    flow_name: str
    user: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """The options of flow decorators that the command line gave, by name."""
    datastore: "Datastore | None" = None
    """Where the run will be stored."""
    origin: Mapping[str, Any] = attrs.field(factory=dict)
    """Of a run that resumes another one: what that had of its decorators in `current`."""


@attrs.frozen
class FlowFacts:
    """What a run has of one of its flow's decorators."""

    system_tags: tuple[str, ...] = ()
    current: Mapping[str, Any] = attrs.field(factory=dict)
    """Fields of `current` in every task: what JSON can hold."""


class FlowDecorator(Decorator):
    """The base of all flow decorators: a frozen attrs class whose fields are the options."""

    may_repeat: ClassVar[bool] = False
    """Whether a flow may have several."""
    takes: ClassVar[tuple[FlowOption, ...]] = ()
    """Options of the command line that it reads."""

    def check(self, flow: type, graph: FlowGraph) -> str | None:
        """What is wrong with decorating this flow, in one sentence; `None` if nothing is."""

    def facts(self, start: FlowStart) -> FlowFacts:
        """What a run of the flow has of it.

        Raises:
            UsageError: an option of the command line is wrong.
        """
        return FlowFacts()

    @property
    def options(self) -> dict[str, Any]:
        """What it was given, as data that JSON can hold; what is at its default is left out."""
        return {name: plain(value) for name, value in options_of(self).items()}

    @staticmethod
    def attach(target: Any, use: Any) -> Any:
        """Decorate a flow."""
        if not (isinstance(target, type) and hasattr(target, "_flowstone_decorators")):
            raise UsageError(f"@{use.name} decorates flows, not {target!r}; write it above a class that is a flow")
        own = (*vars(target).get("_flowstone_decorators", ()), use)
        target._flowstone_decorators = own  # noqa: SLF001 - its slot
        return target


def flow_decorator_uses(flow: type) -> tuple[Any, ...]:
    """The decorators of a flow class as they are written, inherited ones first.

    One that may not repeat takes the place of the same one of a class that the flow inherits from.
    """
    found: list[Any] = []
    for base in reversed(flow.__mro__):
        own = vars(base).get("_flowstone_decorators", ())
        names = {use.name for use in own if not _may_repeat(use)}
        found = [*(use for use in found if use.name not in names), *own]
    return tuple(found)


def _may_repeat(use: Any) -> bool:
    kind = use.kind if isinstance(use, DecoratorUse) else type(use)
    return bool(kind.may_repeat)
