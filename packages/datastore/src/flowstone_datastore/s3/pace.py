"""How many requests at once, when to try again, and when to give up: one measure for all that a client does."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import attrs

from flowstone_datastore.s3.bucket import TransientError

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 20.0
_STALL_SECONDS = 20.0
_BETWEEN_CUTS_SECONDS = 0.2  # many requests are refused at once: that is one refusal


@attrs.frozen
class Patience:
    """When to give up."""

    without_progress_seconds: float = 120.0
    """So long a request, tried again and again, may bring nothing."""
    deadline: float = float("inf")
    """When, by the monotonic clock, whatever is under way ends."""


class Pace:
    """Bounds the requests under way, adapts to what the service bears, spreads further tries. For any thread.

    Each success allows a little more, up to `most`; each refusal for being busy halves it. Pauses grow with the
    failures of a request, but not beyond those of all requests since the last success: of a service that answers
    others, one request's bad luck says little.
    `clock`, `sleep` and `uniform` are the system's, or a test's.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.most = most
        self.allowed = float(most)
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._under_way = 0
        self._streak = 0  # failures since the last success, of all requests; two threads may count as one
        self._last_cut = float("-inf")
        self._condition = threading.Condition()

    def run(self, attempt: Callable[[float], T], patience: Patience) -> T:
        """What `attempt` returns, tried until it does; it is told after how many seconds of silence to fail.

        Raises:
            StorageError: the meaning of the last failure, when patience ends.
        """
        failures, until = 0, self._until(patience)
        while True:
            try:
                self._enter()
                try:
                    result = attempt(max(0.01, min(_STALL_SECONDS, until - self._clock())))
                finally:
                    self._leave()
            except TransientError as error:
                if error.is_busy:
                    self._cut()
                if error.has_moved:
                    failures, until = 0, self._until(patience)
                failures += 1
                self._streak += 1
                longest = min(
                    _FIRST_PAUSE_SECONDS * 2.0 ** min(failures, self._streak, 10), _LONGEST_PAUSE_SECONDS
                )
                pause = max(self._uniform(0, longest), error.retry_after_seconds or 0.0)
                if self._clock() + pause >= until:
                    raise error.meaning from error
                self._sleep(pause)
            else:
                self._streak = 0
                if self.allowed < self.most:
                    self._grow()
                return result

    def silence(self, patience: Patience) -> float:
        """For how many seconds a body under way may be silent; 0 if the deadline has passed."""
        return max(0.0, min(_STALL_SECONDS, patience.deadline - self._clock()))

    def _until(self, patience: Patience) -> float:
        return min(self._clock() + patience.without_progress_seconds, patience.deadline)

    def _enter(self) -> None:
        """Wait until one more request is allowed."""
        with self._condition:
            while self._under_way >= max(1, int(self.allowed)):
                self._condition.wait()
            self._under_way += 1

    def _leave(self) -> None:
        with self._condition:
            self._under_way -= 1
            self._condition.notify()

    def _cut(self) -> None:
        with self._condition:
            if self._clock() - self._last_cut >= _BETWEEN_CUTS_SECONDS:
                self._last_cut = self._clock()
                self.allowed = max(1.0, self.allowed / 2)

    def _grow(self) -> None:
        with self._condition:
            self.allowed = min(float(self.most), self.allowed + 1 / self.allowed)
            self._condition.notify()
