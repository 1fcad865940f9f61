"""What a mutator sees of a step: its decorators, to look at and to change."""

from typing import TYPE_CHECKING

from flowstone_runtime.user_decorators.decorated import Decorated
from flowstone_runtime.user_decorators.decorator_list import DecoratorList
from flowstone_runtime.user_decorators.named_decorator import step_decorator

if TYPE_CHECKING:
    from flowstone_runtime.user_decorators.mutable_flow import MutableFlow


class MutableStep(Decorated):
    """One step of the flow that is about to run; nothing changes for other flows that inherit it."""

    def __init__(self, flow: "MutableFlow", name: str, decorators: DecoratorList) -> None:
        super().__init__(decorators, step_decorator, flow.config_values)
        self._flow = flow
        self._name = name

    @property
    def name(self) -> str:
        """The step's name."""
        return self._name

    @property
    def flow(self) -> "MutableFlow":
        """The flow that it is a step of."""
        return self._flow
