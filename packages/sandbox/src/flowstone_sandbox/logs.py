"""CloudWatch Logs receive what jobs print, as it comes or as late as one asks for."""

import heapq
import itertools
import threading
import time

from flowstone_sandbox.options import ACCOUNT

BATCH_GROUP = "/aws/batch/job"


class LogDelivery:
    """Carries lines to their log streams; a thread of its own carries what is to be late."""

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        """How late lines arrive."""
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._late: list[tuple[float, int, str, str, list[tuple[int, str]]]] = []
        threading.Thread(target=self._carry, name="late logs", daemon=True).start()

    def open_stream(self, region: str, stream: str) -> None:
        """Make a stream, empty."""
        from moto.logs.models import logs_backends

        backend = logs_backends[ACCOUNT][region]
        backend.ensure_log_group(BATCH_GROUP)
        backend.ensure_log_stream(BATCH_GROUP, stream)

    def deliver(self, region: str, stream: str, events: list[tuple[int, str]]) -> None:
        """Add lines, with their milliseconds since 1970, to a stream."""
        with self._changed:
            if self.delay_seconds > 0 or self._late:
                at = time.monotonic() + self.delay_seconds
                heapq.heappush(self._late, (at, next(self._numbers), region, stream, events))
                self._changed.notify()
                return
        _put(region, stream, events)

    def forget(self) -> None:
        """Deliver nothing of what waits."""
        with self._changed:
            self._late.clear()

    def _carry(self) -> None:
        while True:
            with self._changed:
                while not self._late or self._late[0][0] > time.monotonic():
                    self._changed.wait(self._late[0][0] - time.monotonic() if self._late else None)
                *_, region, stream, events = heapq.heappop(self._late)
            _put(region, stream, events)


def _put(region: str, stream: str, events: list[tuple[int, str]]) -> None:
    from moto.logs.exceptions import ResourceNotFoundException
    from moto.logs.models import logs_backends

    backend = logs_backends[ACCOUNT][region]
    try:
        backend.put_log_events(BATCH_GROUP, stream, [{"timestamp": at, "message": text} for at, text in events])
    except ResourceNotFoundException:  # somebody has deleted the stream, or everything
        return
