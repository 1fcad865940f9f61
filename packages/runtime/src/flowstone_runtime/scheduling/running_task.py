"""An attempt that is running: what it wrote so far, and where that is kept."""

import time

import attrs

from flowstone_datastore import LogFrame, LogSegment, LogSpan
from flowstone_interfaces import Stream, TaskLog
from flowstone_runtime.reporting.reporter import Reporter
from flowstone_runtime.scheduling.ready_queue import Attempt
from flowstone_runtime.tasks.line_splitter import LineSplitter


@attrs.define
class RunningTask:
    """One attempt, from its start to its end."""

    attempt: Attempt
    started: float
    """By the monotonic clock."""
    logs: LogSpan | None = None
    """Where in the run's log its output is."""
    _splitters: dict[Stream, LineSplitter] = attrs.field(
        factory=lambda: {stream: LineSplitter() for stream in Stream}
    )

    def keep_output(self, event: TaskLog, segment: LogSegment, reporter: Reporter) -> None:
        """Store what the task wrote, and show its whole lines."""
        key = self.attempt.task.key
        frame = LogFrame(key.step, key.id, self.attempt.number, event.stream.value, time.time(), event.data)
        start, end = segment.append(frame)
        self.logs = LogSpan(segment.name, self.logs.start if self.logs else start, end)
        for line in self._splitters[event.stream].feed(event.data):
            reporter.task_output(key.step, key.id, event.stream, line)

    def end_output(self, reporter: Reporter) -> None:
        """Show what no line feed ended."""
        key = self.attempt.task.key
        for stream, splitter in self._splitters.items():
            for line in splitter.finish():
                reporter.task_output(key.step, key.id, stream, line)
