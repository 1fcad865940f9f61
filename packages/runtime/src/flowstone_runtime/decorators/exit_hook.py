"""`@exit_hook`: functions that are called when a run is over."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from flowstone_graph import FlowGraph
from flowstone_runtime.decorators.flow_decorator import FlowDecorator, declares

Hook = Callable[..., Any]
"""Called with the run, or with nothing if it takes nothing."""


def _hooks(value: Any) -> tuple[Hook, ...]:
    hooks = tuple(value) if isinstance(value, list | tuple) else (value,)
    for hook in hooks:
        if not callable(hook) or isinstance(hook, type):
            raise TypeError(f"{hook!r} is nothing to call; write on_success=[tell]")
    return hooks


@attrs.frozen(kw_only=True)
class ExitHook(FlowDecorator):
    """Call functions when a run has finished or failed, each in a process of its own.

    What they write is kept with the run. What goes wrong in them is told, and changes nothing of how it ended.
    A run that was stopped by hand calls none.
    """

    name: ClassVar[str] = "exit_hook"
    may_repeat: ClassVar[bool] = True

    on_success: tuple[Hook, ...] = attrs.field(default=(), converter=_hooks)
    on_error: tuple[Hook, ...] = attrs.field(default=(), converter=_hooks)
    hook_options: Mapping[str, Any] = attrs.field(factory=dict, converter=dict, alias="options", hash=False)
    """What a deployer makes of it."""

    def check(self, flow: type, graph: FlowGraph) -> str | None:
        """Refuse hooks without hooks."""
        return (
            None
            if self.on_success or self.on_error
            else "it has no hooks; give on_success=[...] or on_error=[...]"
        )


def hooks_of(decorators: tuple[Any, ...], state: str) -> tuple[Hook, ...]:
    """What to call when a run has ended in this state, those that are written first first."""
    own = [decorator for decorator in reversed(decorators) if isinstance(decorator, ExitHook)]
    if state == "finished":
        return tuple(hook for decorator in own for hook in decorator.on_success)
    return tuple(hook for decorator in own for hook in decorator.on_error) if state == "failed" else ()


exit_hook = declares(ExitHook)
