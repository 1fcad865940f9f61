"""The time of schedules: that of the machine, and what was put forward. Jobs and all else keep the machine's."""

import time


class Clock:
    """A clock that goes on, and can be put forward."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Put it forward.

        Raises:
            ValueError: it would go back.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock is put forward by 0 seconds or more, not by {seconds}")
        self._ahead_seconds += seconds

    def reset(self) -> None:
        """Be the machine's again."""
        self._ahead_seconds = 0.0
