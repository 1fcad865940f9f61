"""`Runner`: run a flow file from a program, in a process of its own.

    with Runner("train.py") as runner:
        print(runner.run(alpha=0.2).run.data.model)

What runs is an `Executing`: a run, or a task that is done again.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from flowstone_interfaces.python_310 import Self
from flowstone_runtime.programs.announcement import VARIABLE
from flowstone_runtime.programs.executing import Executing, ExecutingRun, ExecutingTask
from flowstone_runtime.programs.option_words import command_words, top_level_words

_Kind = TypeVar("_Kind", bound=Executing)


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
        self._top_level = top_level_words({**top_level, "profile": profile})
        self._started: list[Executing] = []

    def run(self, **parameters: Any) -> ExecutingRun:
        """Run the flow to its end; parameters and options of `run` by name.

        A list or a dictionary is given as JSON, a tuple as the option several times.

        Raises:
            RunNotStartedError: the command line refused it.
        """
        return self._start(ExecutingRun, ["run"], parameters).finish()

    def resume(self, step: str | None = None, **parameters: Any) -> ExecutingRun:
        """Resume an older run to its end, see `run`."""
        return self._start(ExecutingRun, _resume(step), parameters).finish()

    def spin(self, pathspec: str, **options: Any) -> ExecutingTask:
        """Do one task of an older run again, as its step is written now, to its end.

        Args:
            pathspec: `step`, `run/step` or `run/step/task`.
            options: of the command `spin`, such as `artifacts_module="inputs.py"` or `skip_decorators=True`.

        Raises:
            RunNotStartedError: there is no such task, or the command line refused it.
        """
        return self._start(ExecutingTask, ["spin", pathspec], options).finish()

    async def async_run(self, **parameters: Any) -> ExecutingRun:
        """Start a run, and return as soon as it exists; see `run`."""
        return await self._async_start(ExecutingRun, ["run"], parameters)

    async def async_resume(self, step: str | None = None, **parameters: Any) -> ExecutingRun:
        """Resume an older run, and return as soon as the new one exists; see `run`."""
        return await self._async_start(ExecutingRun, _resume(step), parameters)

    async def async_spin(self, pathspec: str, **options: Any) -> ExecutingTask:
        """Do one task of an older run again, and return as soon as the new one has begun; see `spin`."""
        return await self._async_start(ExecutingTask, ["spin", pathspec], options)

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

    async def _async_start(self, kind: type[_Kind], command: Sequence[str], options: Mapping[str, Any]) -> _Kind:
        import asyncio

        return await asyncio.to_thread(self._start, kind, command, options)

    def _start(self, kind: type[_Kind], command: Sequence[str], options: Mapping[str, Any]) -> _Kind:
        words = [*self._top_level, *command, *command_words(options)]
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
        executing = kind(process, receiver, self._show_output)
        self._started.append(executing)
        return executing


def _resume(step: str | None) -> list[str]:
    return ["resume"] if step is None else ["resume", step]
