"""How often jobs are looked at: often while things happen, seldom while nothing does."""

import time

_LEAST_SECONDS = 0.2
_MOST_SECONDS_RUNNING = 3.0
_MOST_SECONDS_WAITING = 10.0
_SLOWER = 1.5


class Pace:
    """When to look next, by the monotonic clock."""

    def __init__(self) -> None:
        self._pause = _LEAST_SECONDS
        self.due = 0.0

    def hurry(self) -> None:
        """Something is about to happen."""
        self._pause = _LEAST_SECONDS
        self.due = min(self.due, time.monotonic() + self._pause)

    def looked(self, *, is_news: bool, is_running: bool) -> None:
        """It was looked; whether anything had changed, and whether any job runs, whose output people wait for."""
        most = _MOST_SECONDS_RUNNING if is_running else _MOST_SECONDS_WAITING
        self._pause = _LEAST_SECONDS if is_news else min(most, self._pause * _SLOWER)
        self.due = time.monotonic() + self._pause
