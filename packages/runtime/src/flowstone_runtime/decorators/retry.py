"""`@retry`: try a failed task again."""

from typing import Any, ClassVar

import attrs

from flowstone_interfaces import Reason
from flowstone_runtime.decorators.option_values import not_negative, number, whole_number
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

_STANDS_FOR: dict[Reason, type[BaseException]] = {
    Reason.TIMED_OUT: TimeoutError,
    Reason.OUT_OF_MEMORY: MemoryError,
}
"""What a task would have raised, had it lived to do so."""


def _exception_types(value: Any) -> tuple[type[BaseException], ...] | None:
    if value is None:
        return None
    types = value if isinstance(value, tuple | list) else (value,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{value!r} is no exception type; write only=OSError or only=(OSError, KeyError)")
    return tuple(types)


@attrs.frozen(kw_only=True)
class Retry(StepDecorator):
    """Try the task again if it fails, in a process of its own each time.

    A task whose process was killed or crashed is tried again, too, unless `only` is given: then it is
    for a time limit (`TimeoutError`) or for its memory (`MemoryError`) alone. What went away with its
    machine is tried again in any case.
    """

    name: ClassVar[str] = "retry"

    times: int = attrs.field(default=3, converter=whole_number)
    """Attempts after the first; 0 for none."""
    minutes_between_retries: float = attrs.field(default=2, converter=not_negative)
    """How long to wait before an attempt; fractions count."""
    backoff: float = attrs.field(default=1, converter=number)
    """Each wait is this many times as long as the one before."""
    only: tuple[type[BaseException], ...] | None = attrs.field(default=None, converter=_exception_types)
    """Only for exceptions of these types; `None` for all."""

    def wants(self, error: BaseException) -> bool:
        """Whether `error` is one to try again after."""
        return self.only is None or isinstance(error, self.only)

    def wants_after_crash(self, reason: Reason) -> bool:
        """Whether to try again after a task that left no exception."""
        if reason is Reason.LOST or self.only is None:
            return True
        stands_for = _STANDS_FOR.get(reason)
        return stands_for is not None and issubclass(stands_for, self.only)

    def wait_seconds(self, attempt: int) -> float:
        """How long to wait after the attempt of this number, from 0, has failed."""
        seconds: float = 60 * self.minutes_between_retries * self.backoff**attempt
        return seconds


retry = declares(Retry)
