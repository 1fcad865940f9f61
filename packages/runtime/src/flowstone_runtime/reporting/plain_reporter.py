"""A run as plain lines: for logs, pipes and CI."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from flowstone_interfaces import Stream
from flowstone_runtime.reporting.output import write_line
from flowstone_runtime.reporting.reporter import RunHeader
from flowstone_runtime.reporting.run_hints import describe_end, describe_start

_SECONDS_BETWEEN_PROGRESS = 5.0


class PlainReporter:
    """Writes what happened, one line each; of many tasks of one step, now and then a sum."""

    def __init__(self, out: TextIO, *, is_quiet: bool = False) -> None:
        self._out = out
        self._is_quiet = is_quiet
        self._header: RunHeader | None = None
        self._left: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._told: dict[str, float] = {}
        self._failed: list[str] = []
        self._reused: dict[str, int] = {}
        self._is_closed = False

    def run_started(self, header: RunHeader) -> None:
        """See `Reporter`."""
        self._header = header
        for line in describe_start(header):
            self._say(line)

    def tasks_ready(self, step: str, count: int) -> None:
        """See `Reporter`."""
        self._left[step] = self._left.get(step, 0) + count

    def task_started(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._tell_reused()
        if step not in self._told:
            self._told[step] = time.monotonic()
            self._say(f"{_clock()} {step}: started")

    def task_output(self, step: str, task: str, stream: Stream, line: str) -> None:
        """See `Reporter`."""
        self._say(f"{_clock()} {step}/{task} | {line}")

    def task_finished(self, step: str, task: str, seconds: float) -> None:
        """See `Reporter`."""
        self._left[step] -= 1
        self._done[step] = self._done.get(step, 0) + 1
        now = time.monotonic()
        if self._left[step] == 0:
            self._say(f"{_clock()} {step}: {_tasks(self._done[step])} done")
        elif now - self._told[step] > _SECONDS_BETWEEN_PROGRESS:
            self._told[step] = now
            self._say(f"{_clock()} {step}: {self._done[step]} done, {self._left[step]} left")

    def task_failed(self, step: str, task: str, message: str, place: str) -> None:
        """See `Reporter`."""
        self._left[step] -= 1
        self._failed.append(f"{step}/{task}")
        where = f" ({place})" if place else ""
        self._say(f"{_clock()} {step}/{task}: FAILED: {message}{where}", is_error=True)

    def task_reused(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._reused[step] = self._reused.get(step, 0) + 1

    def task_retried(self, step: str, task: str, message: str, place: str, wait_seconds: float) -> None:
        """See `Reporter`."""
        where = f" ({place})" if place else ""
        when = f"in {wait_seconds:g} s" if wait_seconds else "now"
        self._say(f"{_clock()} {step}/{task}: failed: {message}{where}; next attempt {when}")

    def task_stopped(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._left[step] -= 1
        self._say(f"{_clock()} {step}/{task}: stopped")

    def run_ended(self, state: str, message: str, seconds: float) -> None:
        """See `Reporter`."""
        assert self._header is not None
        self._tell_reused()
        for line in describe_end(self._header, state, message, seconds, self._failed):
            self._say(line, is_error=state != "finished")

    def _tell_reused(self) -> None:
        for step, count in self._reused.items():
            changed = self._header is not None and step in self._header.changes.steps
            remark = f"; its code has changed since: `resume {step}` would run it again" if changed else ""
            self._say(f"{_clock()} {step}: {_tasks(count)} taken over{remark}")
        self._reused = {}

    def _say(self, line: str, *, is_error: bool = False) -> None:
        if is_error or not self._is_quiet:
            write_line(self._out, line)


@contextmanager
def plain_reporter(out: TextIO, *, is_quiet: bool) -> Iterator[PlainReporter]:
    """Plain lines on `out`; errors only if `is_quiet`."""
    yield PlainReporter(out, is_quiet=is_quiet)


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
