"""What a process writes, kept while it is written."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import IO, TextIO


class CapturedOutput:
    """One stream of a process, read by a thread of its own; shown on `shown`, too, if that is given."""

    def __init__(self, source: IO[bytes], shown: TextIO | None) -> None:
        self._source = source
        self._shown = shown
        self._lines: list[str] = []
        self._is_over = False
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._read, name="flowstone-runner-output", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """All that was written so far."""
        with self._lock:
            return "".join(self._lines)

    async def lines(self, position: int = 0) -> AsyncIterator[str]:
        """Each line from `position` (counted from 0) on; waits for more to come, without a thread."""
        import asyncio

        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            with suppress(RuntimeError):  # the loop was closed, and nobody waits
                loop.call_soon_threadsafe(news.set)

        with self._lock:
            self._listeners.append(listener)
        try:
            while True:
                news.clear()
                with self._lock:
                    found, is_over = self._lines[position:], self._is_over
                for line in found:
                    yield line
                if is_over:
                    return
                position += len(found)
                await news.wait()
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def join(self) -> None:
        """Wait until nothing can be written any more."""
        self._thread.join()

    def _read(self) -> None:
        for data in self._source:
            line = data.decode("utf-8", "backslashreplace")
            with self._lock:
                self._lines.append(line)
            self._tell()
            if self._shown is not None:
                self._shown.write(line)
        with self._lock:
            self._is_over = True
        self._tell()
        self._source.close()

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
