"""`Runner`: run a flow file from a program, in a process of its own.

with Runner("train.py") as runner:
print(runner.run(alpha=0.2).run.data.model)
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self

from flowstone_client import Client, Run
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.announcement import VARIABLE, Announcement
from flowstone_runtime.captured_output import CapturedOutput

_FLAGS = frozenset({"quiet", "production", "keep_going"})
"""Options of the command line that take no value."""


class RunNotStartedError(FlowstoneError, RuntimeError):
    """A flow's command line ended before there was a run."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        super().__init__(command, exit_code, output)
        self.command = command
        self.exit_code = exit_code
        self.output = output

    def __str__(self) -> str:
        return f"`{self.command}` ended with exit code {self.exit_code} before a run began: {self.output.strip()}"


class ExecutingRun:
    """A run in a process of its own: what it is, what it writes, how it ends."""

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
            self._finish()
            command = " ".join(map(str, process.args if isinstance(process.args, list) else [process.args]))
            raise RunNotStartedError(command, process.returncode, self.stderr or self.stdout)
        self._announced = Announcement.from_line(line)
        self._is_timed_out = False

    @property
    def run(self) -> Run:
        """The run, as the client shows it."""
        return Run(self._announced.pathspec, client=Client(self._announced.store))

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

    async def wait(self, timeout: float | None = None, stream: str | None = None) -> Self:  # noqa: ASYNC109 - the name users know
        """Wait for the end, at most `timeout` seconds; show `stream` (`stdout` or `stderr`) meanwhile."""
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                if stream is not None:
                    async for _, line in self.stream_log(stream):
                        sys.stdout.write(line)
                while self.returncode is None:  # noqa: ASYNC110 - a process ends without an event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self._is_timed_out = True
            return self
        return await asyncio.to_thread(self._finish)

    async def stream_log(self, stream: str, position: int = 0) -> AsyncIterator[tuple[int, str]]:
        """Each line that is written, from `position` on, with the position to go on from."""
        import asyncio

        captured = self._captured[stream]
        while (line := await asyncio.to_thread(captured.line, position)) is not None:
            position += 1
            yield position, line

    def terminate(self) -> None:
        """Stop the run, if it goes on, with all its tasks."""
        if self._process.poll() is None:
            self._process.terminate()
        self._finish()

    def _finish(self) -> Self:
        self._process.wait()
        for captured in self._captured.values():
            captured.join()
        return self


class Runner:
    """Runs a flow file as its command line does; works inside of a running event loop, too.

    Args:
        flow_file: the file.
        show_output: show what the runs write, as it is written.
        profile: the profile to take settings from.
        env: environment variables to add.
        cwd: the working folder of the runs; by default this program's.
        top_level: options before the command: `store="..."`, `branch="..."`, `config=[("name", "path")]`.
    """

    def __init__(
        self,
        flow_file: str | os.PathLike[str],
        show_output: bool = True,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        **top_level: Any,
    ) -> None:
        self._file = str(Path(flow_file).absolute())
        self._show_output = show_output
        self._env = dict(env or {})
        self._cwd = cwd
        self._top_level = options_as_words({**top_level, "profile": profile})
        self._started: list[ExecutingRun] = []

    def run(self, **parameters: Any) -> ExecutingRun:
        """Run the flow to its end; parameters and options of `run` by name.

        A list or a dictionary is given as JSON, a tuple as the option several times.

        Raises:
            RunNotStartedError: the command line refused it.
        """
        return self._start("run", parameters)._finish()  # noqa: SLF001 - its own

    def resume(self, step: str | None = None, **parameters: Any) -> ExecutingRun:
        """Resume an older run to its end, see `run`."""
        return self._start("resume", parameters, step)._finish()  # noqa: SLF001 - its own

    async def async_run(self, **parameters: Any) -> ExecutingRun:
        """Start a run, and return as soon as it exists; see `run`."""
        import asyncio

        return await asyncio.to_thread(self._start, "run", parameters)

    async def async_resume(self, step: str | None = None, **parameters: Any) -> ExecutingRun:
        """Resume an older run, and return as soon as the new one exists; see `run`."""
        import asyncio

        return await asyncio.to_thread(self._start, "resume", parameters, step)

    def cleanup(self) -> None:
        """Stop what still runs."""
        for executing in self._started:
            executing.terminate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        import asyncio

        await asyncio.to_thread(self.cleanup)

    def _start(self, command: str, parameters: Mapping[str, Any], step: str | None = None) -> ExecutingRun:
        words = [*self._top_level, command, *([step] if step else []), *options_as_words(parameters)]
        receiver, sender = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, self._file, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._cwd,
                env={**os.environ, **self._env, VARIABLE: str(sender)},
                pass_fds=(sender,),
            )
        except BaseException:
            os.close(receiver)
            raise
        finally:
            os.close(sender)
        executing = ExecutingRun(process, receiver, self._show_output)
        self._started.append(executing)
        return executing


def options_as_words(options: Mapping[str, Any]) -> list[str]:
    """Options by name as words of a command line; those that are `None` are left out.

    >>> options_as_words({"alpha": 0.5, "items": [1, 2], "tag": ("a", "b"), "keep_going": True})
    ['--alpha', '0.5', '--items', '[1, 2]', '--tag', 'a', '--tag', 'b', '--keep-going']
    """
    words: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if name in _FLAGS:
            words += [option] if value else []
            continue
        is_several = isinstance(value, tuple) or (name in ("tag", "with", "config", "config_value"))
        several = value if is_several and isinstance(value, list | tuple) else (value,)
        for each in several:
            if each is not None:
                words += [option, *_texts(each)]
    return words


def _texts(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, list | dict):
        return [json.dumps(value)]
    return [getattr(value, "name", None) or str(value)] if hasattr(value, "_name_") else [str(value)]
