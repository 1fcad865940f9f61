"""`@user_step_decorator`: a generator as a decorator of steps, around its one `yield`."""

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import Any, ClassVar

from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.user_step import PostResult, Replacement, UserStepDecorator

_ADVICE = "write `def name(step_name, flow, inputs, attributes=None): ...; yield; ...`"


class _GeneratorDecorator(UserStepDecorator):
    """Runs a generator around the step: to its one `yield` before it, and from there after it."""

    function: ClassVar[Callable[..., Generator[Any, None, Any]]]
    takes_attributes: ClassVar[bool]

    def init(self, **attributes: Any) -> None:
        """Keep what the decorator was given, for the generator."""
        self.attributes = attributes

    def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Replacement | None:
        """Run up to the `yield`."""
        more = (self.attributes,) if self.takes_attributes else ()
        self.running = type(self).function(step_name, flow, inputs, *more)
        try:
            yielded: Any = next(self.running)
        except StopIteration:
            raise UsageError(
                f"@{type(self).__name__} did not yield in step {step_name!r}; it must yield once, "
                "USER_SKIP_STEP to leave out the step"
            ) from None
        if isinstance(yielded, Mapping):
            self.skip_step = yielded or True
            return None
        if yielded is not None and not callable(yielded):
            raise UsageError(
                f"@{type(self).__name__} yields {yielded!r} in step {step_name!r}; yield nothing, a function to "
                "call in place of the step, or a dictionary to leave it out"
            )
        replacement: Replacement | None = yielded
        return replacement

    def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> PostResult:
        """Run from the `yield` on, where the step's exception is raised."""
        try:
            if exception is None:
                next(self.running)
            else:
                self.running.throw(exception)
        except StopIteration as end:
            return None, end.value if isinstance(end.value, Mapping) else None
        except Exception as error:  # noqa: BLE001 - it is raised by who asked
            return error
        return UsageError(f"@{type(self).__name__} yields twice in step {step_name!r}; it must yield once")


def user_step_decorator(function: Callable[..., Generator[Any, None, Any]]) -> type[UserStepDecorator]:
    """Make a decorator of steps of a generator `(step_name, flow, inputs)` or `(..., attributes)`.

    It yields once: nothing; a function to call in place of the step; or a dictionary to leave out the step, with
    what to change of its `self.next` (`USER_SKIP_STEP`, which is empty, for nothing). What the step raises is
    raised at the `yield`; caught there, the step succeeds and goes on as it is written. `attributes` are the
    arguments that the decorator is given.

    Raises:
        UsageError: it is no such generator.
    """
    if not inspect.isgeneratorfunction(function):
        raise UsageError(f"@user_step_decorator decorates {function!r}, which is no generator function; {_ADVICE}")
    count = len(inspect.signature(function).parameters)
    if count not in (3, 4):
        raise UsageError(f"@user_step_decorator: {function.__name__} takes {count} arguments; {_ADVICE}")
    fields = {
        "function": staticmethod(function),
        "takes_attributes": count == 4,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": function.__doc__,
    }
    if count == 3:
        fields["init"] = lambda self: setattr(self, "attributes", {})
    return type(function.__name__, (_GeneratorDecorator,), fields)
