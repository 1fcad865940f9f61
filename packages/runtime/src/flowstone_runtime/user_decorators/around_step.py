"""Call a step within a user's decorator."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from flowstone_runtime.tasks.task_context import TaskContext
from flowstone_runtime.user_decorators.user_step import Replacement, UserCode


def call_within_user_code(
    code: UserCode, flow: Any, context: TaskContext, inputs: Any, call: Callable[[], None]
) -> None:
    """Run what comes before, `call` or what stands in for it, and what comes after.

    Raises:
        Exception: what the decorator lets out, of the step's or of its own.
    """
    decorator = code.make()
    step = context.node.name
    replacement = decorator.pre_step(step, flow, inputs)
    error: Exception | None = None
    try:
        _call(decorator.skip_step, replacement, flow, context, inputs, call)
    except Exception as raised:  # noqa: BLE001 - the decorator decides what becomes of it
        error = raised
    outcome = decorator.post_step(step, flow, error)
    remaining, changes = outcome if isinstance(outcome, tuple) else (outcome, None)
    if remaining is not None:
        raise remaining
    if changes is not None:
        context.transition = None
        context.leave_as_written(flow, **changes)
    elif error is not None:
        context.leave_as_written(flow)


def _call(
    skip: bool | Mapping[str, Any],
    replacement: Replacement | None,
    flow: Any,
    context: TaskContext,
    inputs: Any,
    call: Callable[[], None],
) -> None:
    if skip is not False:
        context.leave_as_written(flow, **({} if skip is True else skip))
        return
    if replacement is None:
        call()
        return
    takes_inputs = len(inspect.signature(replacement).parameters) > 1
    result = replacement(flow, inputs) if takes_inputs else replacement(flow)
    if isinstance(result, Mapping) or result is True:
        context.leave_as_written(flow, **({} if result is True else result))
    context.check_left()
