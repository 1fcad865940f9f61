"""A command of a flow file in a process of its own: what it writes, how it ends, what it has made."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator

from flowstone_client import Client, Run, Task
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.programs.announcement import Announcement
from flowstone_runtime.tasks.captured_output import CapturedOutput


class RunNotStartedError(FlowstoneError, RuntimeError):
    """A flow's command line ended before there was a run."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        super().__init__(command, exit_code, output)
        self.command = command
        self.exit_code = exit_code
        self.output = output

    def __str__(self) -> str:
        return f"`{self.command}` ended with exit code {self.exit_code} before a run began: {self.output.strip()}"


class Executing:
    """A process that has begun a run or a task."""

    def __init__(self, process: subprocess.Popen[bytes], announced: int, show_output: bool) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._captured = {
            "stdout": CapturedOutput(process.stdout, sys.stdout if show_output else None),
            "stderr": CapturedOutput(process.stderr, sys.stderr if show_output else None),
        }
        with os.fdopen(announced, "rb") as pipe:  # at its end if the process ends before
            line = pipe.readline()
        if not line.endswith(b"\n"):
            self.finish()
            command = " ".join(map(str, process.args if isinstance(process.args, list) else [process.args]))
            raise RunNotStartedError(command, process.returncode, self.stderr or self.stdout)
        self._announced = Announcement.from_line(line)
        self._is_timed_out = False

    @property
    def stdout(self) -> str:
        """What the process wrote so far."""
        return self._captured["stdout"].text

    @property
    def stderr(self) -> str:
        """What it wrote to its standard error so far."""
        return self._captured["stderr"].text

    @property
    def returncode(self) -> int | None:
        """The exit code; `None` while it runs."""
        return self._process.poll()

    @property
    def status(self) -> str:
        """`running`, `successful`, `failed`; `timeout` if `wait` did not wait for the end."""
        code = self.returncode
        if code is None:
            return "timeout" if self._is_timed_out else "running"
        return "successful" if code == 0 else "failed"

    async def wait(self, timeout: float | None = None, stream: str | None = None) -> Self:
        """Wait for the end, at most `timeout` seconds; show `stream` (`stdout` or `stderr`) meanwhile."""
        import asyncio

        try:
            await asyncio.wait_for(self._ended(stream), timeout)
        except asyncio.TimeoutError:  # another one than `TimeoutError` in Python 3.10
            self._is_timed_out = True
            return self
        return await asyncio.to_thread(self.finish)

    async def _ended(self, stream: str | None) -> None:
        import asyncio

        if stream is not None:
            async for _, line in self.stream_log(stream):
                sys.stdout.write(line)
        while self.returncode is None:  # noqa: ASYNC110 - a process ends without an event
            await asyncio.sleep(0.05)

    async def stream_log(self, stream: str, position: int = 0) -> AsyncIterator[tuple[int, str]]:
        """Each line that is written, from `position` on, with the position to go on from."""
        async for line in self._captured[stream].lines(position):
            position += 1
            yield position, line

    def terminate(self) -> None:
        """Stop it, if it goes on, with all its tasks."""
        if self._process.poll() is None:
            self._process.terminate()
        self.finish()

    def finish(self) -> Self:
        """Wait for its end, and for the last that it writes."""
        self._process.wait()
        for captured in self._captured.values():
            captured.join()
        return self


class ExecutingRun(Executing):
    """A run in a process of its own."""

    @property
    def run(self) -> Run:
        """The run, as the client shows it."""
        return Run(self._announced.pathspec, client=Client(self._announced.store))


class ExecutingTask(Executing):
    """One task of an older run, done again in a process of its own."""

    @property
    def task(self) -> Task:
        """The new task, as the client shows it.

        Raises:
            NotFoundError: it was done with `persist=False`, and is over.
        """
        return Task(self._announced.pathspec, client=Client(self._announced.store))
