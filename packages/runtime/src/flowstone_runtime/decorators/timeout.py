"""`@timeout`: end a step that takes too long."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, ClassVar

import attrs

from flowstone_interfaces import FlowstoneError, TaskRequest
from flowstone_runtime.decorators.option_values import not_negative
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

if TYPE_CHECKING:
    from flowstone_runtime.decorators.task_attempt import TaskAttempt

GRACE_SECONDS = 5.0
"""So long after its limit a task that has not ended itself is killed, with all that it started."""


class StepTimeoutError(FlowstoneError, TimeoutError):
    """A step ran longer than its `@timeout` allows."""

    def __init__(self, step: str, seconds: float) -> None:
        super().__init__(step, seconds)
        self.step = step
        self.seconds = seconds

    def __str__(self) -> str:
        return f"step {self.step!r} ran longer than its @timeout of {self.seconds:g} seconds"


@attrs.frozen(kw_only=True)
class Timeout(StepDecorator):
    """A limit for each attempt: `seconds`, `minutes` and `hours` are added up.

    At the limit the step's code gets a `StepTimeoutError`, where it stands. Code that does not see it (a long call
    into compiled code) is killed five seconds later, as is every process that it started.
    """

    name: ClassVar[str] = "timeout"

    seconds: float = attrs.field(default=0, converter=not_negative)
    minutes: float = attrs.field(default=0, converter=not_negative)
    hours: float = attrs.field(default=0, converter=not_negative)

    def __attrs_post_init__(self) -> None:
        if not self.total_seconds:
            raise ValueError("no time is given; write seconds=, minutes= or hours=")

    @property
    def total_seconds(self) -> float:
        """The limit."""
        return self.seconds + 60 * self.minutes + 3600 * self.hours

    def plan(self, request: TaskRequest) -> TaskRequest:
        """Have the executor kill what does not end itself."""
        return attrs.evolve(request, timeout_seconds=self.total_seconds + GRACE_SECONDS)

    def wrap(self, attempt: "TaskAttempt") -> AbstractContextManager[None]:
        """Raise in the step's code when its time is over."""
        return self._alarm(attempt.node.name)

    @contextmanager
    def _alarm(self, step: str) -> Iterator[None]:
        def ring(_number: int, _frame: object) -> None:
            raise StepTimeoutError(step, self.total_seconds)

        if threading.current_thread() is not threading.main_thread():  # signals come to the main thread only
            yield
            return
        previous = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self.total_seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)


timeout = declares(Timeout)
