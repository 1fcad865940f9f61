"""One line on a terminal that says how a long transfer goes."""

import threading
import time
from collections.abc import Callable
from typing import TextIO

_FIRST_SECONDS = 1.0
_BETWEEN_SECONDS = 0.2


class ProgressLine:
    """Counts bytes and writes how many, and how fast, over itself; nothing for what takes less than a second."""

    def __init__(self, stream: TextIO, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._what = what
        self._clock = clock
        self._begun = clock()
        self._next = self._begun + _FIRST_SECONDS
        self._bytes = 0
        self._width = 0
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        """So many bytes more, from any thread."""
        with self._lock:
            self._bytes += count
            if self._clock() >= self._next:
                self._next = self._clock() + _BETWEEN_SECONDS
                self._write("\r")

    def end(self) -> None:
        """The last word, if there was a first."""
        if self._width:
            self._write("\n")

    def _write(self, end: str) -> None:
        seconds = max(1e-9, self._clock() - self._begun)
        text = f"{self._what}: {self._bytes / 1e6:,.0f} MB, {self._bytes / 1e6 / seconds:,.0f} MB/s"
        self._width = max(self._width, len(text))
        self._stream.write(f"{text:<{self._width}}{end}")
        self._stream.flush()
