"""Processes of jobs, as the sandbox sees them: started by name, told of by calls.

The work is done by the warden, a program of its own (see `warden.py`).
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from flowstone_interfaces.python_310 import Self

_WARDEN = Path(__file__).with_name("warden.py")


@attrs.frozen
class Command:
    """A program to run, and its limits."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    memory_mib: int
    """What the process and its descendants may hold in memory together."""
    timeout_seconds: float | None = None
    stop_seconds: float = 30.0
    """How long it has between SIGTERM and SIGKILL."""


@attrs.frozen
class Ending:
    """How a process ended."""

    exit_code: int
    """128 and the signal's number if a signal ended it, as container engines say it."""
    cause: str = "exited"
    """`exited`, `memory`, `timeout`, `refused` (it could not be started) or `lost` (its host is gone)."""
    reason: str = ""
    """Why it could not be started."""


class Watcher(Protocol):
    """Who is told of a process: from one thread, in order."""

    def lines_came(self, process: str, events: list[tuple[int, str]]) -> None:
        """Take lines of output, with milliseconds since 1970."""

    def process_ended(self, process: str, ending: Ending) -> None:
        """Take the end; nothing of the process is left, and nothing more will come."""


class Processes:
    """Starts and stops processes; a context manager, at whose end none is left."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._lock = threading.Lock()
        self._running: dict[str, int | None] = {}
        """By name, the process group, as soon as it is known."""
        # who is told may wait for somebody who is giving orders: whoever reads must not wait with them
        self._told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._warden: subprocess.Popen[str] | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        self._begin()
        threading.Thread(target=self._pass_on, name="told", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        if self._warden is not None and self._warden.stdin is not None:
            self._warden.stdin.close()  # the end of the orders
            self._warden.wait()
        self._told.put(None)

    def _begin(self) -> None:
        # -I -S: neither the user's settings nor installed packages are any of its business
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WARDEN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(self._warden,), name="warden", daemon=True).start()

    def start(self, process: str, command: Command) -> None:
        """Start a process under a name that no other has."""
        with self._lock:
            self._running[process] = None
        self._order(
            {
                "start": process,
                "arguments": command.arguments,
                "environment": dict(command.environment),
                "folder": str(command.folder),
                "memory_mib": command.memory_mib,
                "timeout_seconds": command.timeout_seconds,
                "stop_seconds": command.stop_seconds,
            }
        )

    def refuse(self, process: str, reason: str) -> None:
        """Tell of a process that it could not be started, without a try."""
        self._told.put({"refused": process, "reason": reason})

    def stop(self, process: str) -> None:
        """Ask a process to end, and kill it if it does not; nothing if it is not there any more."""
        self._order({"stop": process})

    def kill(self, process: str) -> None:
        """End a process at once; nothing if it is not there any more."""
        self._order({"kill": process})

    def _order(self, order: dict[str, Any]) -> None:
        assert self._warden is not None
        assert self._warden.stdin is not None
        with self._lock:
            try:
                self._warden.stdin.write(json.dumps(order) + "\n")
                self._warden.stdin.flush()
            except (BrokenPipeError, ValueError):  # it is gone: whoever listens tells of that
                return

    def _listen(self, warden: "subprocess.Popen[str]") -> None:
        assert warden.stdout is not None
        for line in warden.stdout:
            told = json.loads(line)
            if "started" in told:
                with self._lock:
                    self._running[told["started"]] = told["group"]
            else:
                self._told.put(told)
        warden.wait()
        if self._is_closed:
            return
        with self._lock:
            lost, self._running = self._running, {}
        self._begin()
        for process, group in lost.items():
            if group is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)  # nobody watches it any more
            self._told.put({"lost": process})

    def _pass_on(self) -> None:
        while (told := self._told.get()) is not None:
            if "lines" in told:
                self._watcher.lines_came(told["lines"], [(at, text) for at, text in told["events"]])
            else:
                process, ending = _ending(told)
                with self._lock:
                    self._running.pop(process, None)
                self._watcher.process_ended(process, ending)


def _ending(told: dict[str, Any]) -> tuple[str, Ending]:
    if "refused" in told:
        return told["refused"], Ending(127, "refused", told["reason"])
    if "lost" in told:
        return told["lost"], Ending(137, "lost")
    return told["ended"], Ending(told["exit_code"], told["cause"])
