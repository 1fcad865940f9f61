"""What a decorator sees of the task that it wraps."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_graph import Node

if TYPE_CHECKING:
    from flowstone_runtime.flowspec import FlowSpec


@attrs.frozen
class TaskAttempt:
    """One attempt of one task, from inside its process."""

    flow: "FlowSpec"
    """The `self` of the step."""
    node: Node
    number: int
    """From 0."""
    pathspec: str
    _will_retry: Callable[[BaseException], bool]
    _go_on: Callable[[], None]

    def will_retry(self, error: BaseException) -> bool:
        """Whether another attempt follows if this one ends with `error`."""
        return self._will_retry(error)

    def set_artifact(self, name: str, value: Any) -> None:
        """Set `self.<name>`, as the step could."""
        setattr(self.flow, name, value)

    def go_on(self) -> None:
        """Leave the step as if it had come to its `self.next`, with what is set by now.

        Raises:
            InvalidNextError: what is set does not say where to go.
        """
        self._go_on()
