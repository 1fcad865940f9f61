"""What a task writes: kept with the run, and passed on to where its job's output goes."""

import os
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType

from flowstone_datastore import LogFrame, LogSegment, LogSpan, StorageError
from flowstone_graph import TaskKey
from flowstone_interfaces.python_310 import Self

_STREAMS = {1: "stdout", 2: "stderr"}
_READ_BYTES = 65_536
_KEPT_BYTES = 1 << 20
"""So much is in memory before it is stored."""
_PATIENCE_SECONDS = 2.0
"""For what a process still writes that the task has left behind."""


class TaskOutput:
    """While it is entered, descriptors 1 and 2 lead here, and from here to where they led before."""

    def __init__(self, segment: LogSegment, key: TaskKey, attempt: int) -> None:
        self._segment = segment
        self._key = key
        self._attempt = attempt
        self._lock = threading.Lock()
        self._frames: list[LogFrame] = []
        self._held = 0
        self._start = 0
        self._end: int | None = None
        self._saved: dict[int, int] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        _flush()
        for number, name in _STREAMS.items():
            reader, writer = os.pipe()
            self._saved[number] = os.dup(number)
            os.dup2(writer, number)
            os.close(writer)
            thread = threading.Thread(
                target=self._pump, args=(reader, self._saved[number], name), name=f"flowstone-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _flush()
        for number, saved in self._saved.items():
            os.dup2(saved, number)
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)
        with self._lock:
            self._store()

    @property
    def span(self) -> LogSpan | None:
        """Where it is kept; `None` if nothing was written."""
        return None if self._end is None else LogSpan(self._segment.name, self._start, self._end)

    def _pump(self, reader: int, shown: int, stream: str) -> None:
        while data := os.read(reader, _READ_BYTES):
            os.write(shown, data)
            with self._lock:
                self._keep(stream, data)
        os.close(reader)

    def _keep(self, stream: str, data: bytes) -> None:
        key = self._key
        last = self._frames[-1] if self._frames else None
        if last is not None and last.stream == stream and len(last.data) < _READ_BYTES:
            self._frames[-1] = LogFrame(key.step, key.id, self._attempt, stream, last.time, last.data + data)
        else:
            self._frames.append(LogFrame(key.step, key.id, self._attempt, stream, time.time(), data))
        self._held += len(data)
        if self._held >= _KEPT_BYTES:
            self._store()

    def _store(self) -> None:
        frames, self._frames, self._held = self._frames, [], 0
        if frames:
            with suppress(StorageError):  # a task does not fail for want of its log
                start, end = self._segment.extend(frames)
                self._start = start if self._end is None else self._start
                self._end = end


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
