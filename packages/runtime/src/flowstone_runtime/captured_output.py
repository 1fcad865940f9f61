"""What a process writes, kept while it is written."""

import threading
from collections.abc import Iterator
from typing import IO, TextIO


class CapturedOutput:
    """One stream of a process, read by a thread of its own; shown on `shown`, too, if that is given."""

    def __init__(self, source: IO[bytes], shown: TextIO | None) -> None:
        self._source = source
        self._shown = shown
        self._lines: list[str] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="flowstone-runner-output", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """All that was written so far."""
        with self._changed:
            return "".join(self._lines)

    def lines(self, position: int = 0) -> Iterator[tuple[int, str]]:
        """Each line from `position` (counted from 0) on, with the position after it; waits for more to come."""
        while (line := self.line(position)) is not None:
            position += 1
            yield position, line

    def line(self, position: int) -> str | None:
        """The line at a position, once it is there; `None` if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or len(self._lines) > position)
            return self._lines[position] if len(self._lines) > position else None

    def join(self) -> None:
        """Wait until nothing can be written any more."""
        self._thread.join()

    def _read(self) -> None:
        for data in self._source:
            line = data.decode("utf-8", "backslashreplace")
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
            if self._shown is not None:
                self._shown.write(line)
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._source.close()
