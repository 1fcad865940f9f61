"""What a process writes, followed while it is written."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flowstone_runtime.tasks.captured_output import CapturedOutput


@contextmanager
def pipe() -> Iterator[tuple[CapturedOutput, IO[bytes]]]:
    receiver, sender = os.pipe()
    with os.fdopen(sender, "wb", buffering=0) as file:
        yield CapturedOutput(os.fdopen(receiver, "rb"), None), file


def test_lines_come_as_they_are_written_and_end_with_the_process() -> None:
    """Whoever comes late begins where they say, and misses nothing."""

    async def follow(captured: CapturedOutput, file: IO[bytes]) -> list[str]:
        file.write(b"one\ntwo\n")
        found = []
        async for line in captured.lines(1):
            found.append(line)
            if line == "two\n":
                file.write(b"three \xff")
                file.close()
        return found

    with pipe() as (captured, file):
        assert asyncio.run(follow(captured, file)) == ["two\n", "three \\xff"]
        assert captured.text == "one\ntwo\nthree \\xff"


def test_who_stops_waiting_leaves_no_thread_behind() -> None:
    """A silent process would keep it, and with it the end of the program."""

    async def wait(captured: CapturedOutput) -> int:
        before = threading.active_count()
        try:
            await asyncio.wait_for(anext(captured.lines()), 0.01)
        except asyncio.TimeoutError:  # another one than `TimeoutError` in Python 3.10
            return threading.active_count() - before
        raise AssertionError("a line, though nothing was written")

    with pipe() as (captured, _file):
        assert asyncio.run(wait(captured)) == 0
