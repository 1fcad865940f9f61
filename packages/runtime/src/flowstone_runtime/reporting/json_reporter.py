"""A run as lines of JSON, one for each event: for programs that start runs and watch them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from flowstone_interfaces import Stream
from flowstone_runtime.reporting.output import write_line
from flowstone_runtime.reporting.reporter import RunHeader


class JsonReporter:
    """Writes each event as an object with `event`, `time` (UTC, seconds since 1970) and what it is about."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._run = ""

    def run_started(self, header: RunHeader) -> None:
        """See `Reporter`."""
        self._run = f"{header.flow}/{header.run_id}"
        self._write("run_started", run=self._run, store=header.store, origin=header.origin)

    def tasks_ready(self, step: str, count: int) -> None:
        """See `Reporter`."""
        self._write("tasks_ready", step=step, count=count)

    def task_started(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._write("task_started", step=step, task=task)

    def task_output(self, step: str, task: str, stream: Stream, line: str) -> None:
        """See `Reporter`."""
        self._write("task_output", step=step, task=task, stream=stream.value, line=line)

    def task_finished(self, step: str, task: str, seconds: float) -> None:
        """See `Reporter`."""
        self._write("task_finished", step=step, task=task, seconds=seconds)

    def task_failed(self, step: str, task: str, message: str, place: str) -> None:
        """See `Reporter`."""
        self._write("task_failed", step=step, task=task, message=message, place=place)

    def task_reused(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._write("task_reused", step=step, task=task)

    def task_retried(self, step: str, task: str, message: str, place: str, wait_seconds: float) -> None:
        """See `Reporter`."""
        self._write("task_retried", step=step, task=task, message=message, place=place, wait_seconds=wait_seconds)

    def task_stopped(self, step: str, task: str) -> None:
        """See `Reporter`."""
        self._write("task_stopped", step=step, task=task)

    def run_ended(self, state: str, message: str, seconds: float) -> None:
        """See `Reporter`."""
        self._write("run_ended", run=self._run, state=state, message=message, seconds=seconds)

    def _write(self, event: str, **facts: Any) -> None:
        write_line(self._out, json.dumps({"event": event, "time": time.time(), **facts}, ensure_ascii=False))


@contextmanager
def json_reporter(out: TextIO) -> Iterator[JsonReporter]:
    """Lines of JSON on `out`."""
    yield JsonReporter(out)
