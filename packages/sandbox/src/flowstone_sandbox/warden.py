"""The program that starts the jobs' processes, watches them, and outlives nobody.

It reads orders as JSON lines from its standard input and tells what happens as JSON lines on its standard
output. It is a process of its own, small and without threads, for three reasons: when the sandbox dies, however
that happens, the orders end, and everything that was started is killed; the peak memory that the system reports of
a process begins with that of its parent, which must therefore be small; and jobs start as fast when the sandbox is
busy. It imports nothing but the standard library and is started as a file.

Orders: `{"start": id, "arguments": [...], "environment": {...}, "folder": path, "memory_mib": n,
"timeout_seconds": s or null, "stop_seconds": s}`, `{"stop": id}` (SIGTERM, after `stop_seconds` SIGKILL) and
`{"kill": id}`.

Told: `{"started": id, "group": number}` or `{"refused": id, "reason": text}`; `{"lines": id, "events":
[[milliseconds, text], ...]}`; `{"ended": id, "exit_code": n, "cause": "exited" | "memory" | "timeout"}`, after
which nothing of the process is left.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

READ_BYTES = 1 << 16
READS = 16
LINE_BYTES = 262_118
"""What fits into an event of CloudWatch Logs."""
TICK_SECONDS = 0.1
"""How often memory and time limits are looked at."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
# the system counts a process's peak in KiB, macOS in bytes
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


class Watched:
    """A process that runs, and everything in its session."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.id: str = order["start"]
        self.memory_bytes: int = order["memory_mib"] << 20
        self.stop_seconds: float = order["stop_seconds"]
        self.cause = "exited"
        self.kill_at: float | None = None
        self.unfinished_line = b""
        self.is_at_end = False
        self.process = subprocess.Popen(
            order["arguments"],
            env=order["environment"],
            cwd=order["folder"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.output: BinaryIO = self.process.stdout  # type: ignore[assignment]
        os.set_blocking(self.output.fileno(), False)
        seconds = order["timeout_seconds"]
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def signal(self, number: int) -> None:
        """Signal the whole group, as far as there is still one."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + self.stop_seconds
            self.process.send_signal(signal.SIGTERM)  # as of a container, the first process alone

    def read_lines(self) -> list[list[Any]]:
        """The whole lines that came since, each with the time that it was read; not all, of what never stops."""
        received = self.unfinished_line
        for _ in range(READS):
            try:
                part = os.read(self.output.fileno(), READ_BYTES)
            except BlockingIOError:
                break
            if not part:
                self.is_at_end = True
                break
            received += part
        *whole, self.unfinished_line = received.split(b"\n")
        while len(self.unfinished_line) > LINE_BYTES:
            whole.append(self.unfinished_line[:LINE_BYTES])
            self.unfinished_line = self.unfinished_line[LINE_BYTES:]
        return [_event(piece) for line in whole for piece in _pieces(line)]

    def read_rest(self) -> list[list[Any]]:
        """The last lines, whether ended or not."""
        events = self.read_lines()
        return [*events, _event(self.unfinished_line)] if self.unfinished_line else events


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + LINE_BYTES] for start in range(0, len(line), LINE_BYTES)] or [b""]


def _event(line: bytes) -> list[Any]:
    return [int(time.time() * 1000), line.decode("utf-8", "replace").rstrip("\r")]


class Warden:
    """Carries out orders until there can be none any more."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[str, Watched] = {}
        self._orders = b""
        self._is_open = True
        self._next_look = 0.0

    def run(self) -> None:
        """Work until standard input ends; then kill everything."""
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, None)
        # the end of a child interrupts the wait
        reader, writer = os.pipe()
        for descriptor in (reader, writer):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        try:
            while self._is_open:
                self._turn(reader)
        finally:
            for watched in self._watched.values():
                watched.signal(signal.SIGKILL)

    def _turn(self, wakeup: int) -> None:
        for key, _ in self._selector.select(TICK_SECONDS if self._watched else None):
            if key.fd == 0:
                self._read_orders()
            elif key.fd == wakeup:
                with contextlib.suppress(BlockingIOError):
                    os.read(wakeup, READ_BYTES)
            else:
                self._tell_lines(key.data)
        self._reap()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + TICK_SECONDS
            self._hold_limits()

    def _read_orders(self) -> None:
        try:
            part = os.read(0, READ_BYTES)
        except BlockingIOError:
            return
        if not part:
            self._is_open = False
            return
        *lines, self._orders = (self._orders + part).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if "start" in order:
            self._start(order)
        elif (watched := self._watched.get(order.get("stop") or order["kill"])) is None:
            return
        elif "stop" in order:
            watched.stop()
        else:
            watched.signal(signal.SIGKILL)

    def _start(self, order: dict[str, Any]) -> None:
        try:
            watched = Watched(order)
        except (OSError, ValueError) as error:
            self._tell({"refused": order["start"], "reason": str(error)})
            return
        self._watched[watched.id] = watched
        self._selector.register(watched.output, selectors.EVENT_READ, watched)
        self._tell({"started": watched.id, "group": watched.process.pid})

    def _tell_lines(self, watched: Watched) -> None:
        if events := watched.read_lines():
            self._tell({"lines": watched.id, "events": events})
        if watched.is_at_end:  # it goes on without an output
            self._selector.unregister(watched.output)

    def _reap(self) -> None:
        for watched in list(self._watched.values()):
            pid, status, usage = os.wait4(watched.process.pid, os.WNOHANG)
            if pid:
                self._finish(watched, os.waitstatus_to_exitcode(status), usage.ru_maxrss * _PEAK_UNIT)

    def _finish(self, watched: Watched, code: int, peak_bytes: int) -> None:
        watched.process.returncode = code
        watched.signal(signal.SIGKILL)  # what it left behind
        if peak_bytes > watched.memory_bytes and watched.cause == "exited":
            watched.cause = "memory"  # it was over its limit between two looks
        if events := watched.read_rest():
            self._tell({"lines": watched.id, "events": events})
        if watched.output in self._selector.get_map():
            self._selector.unregister(watched.output)
        watched.output.close()
        del self._watched[watched.id]
        exit_code = 137 if watched.cause == "memory" else code if code >= 0 else 128 - code
        self._tell({"ended": watched.id, "exit_code": exit_code, "cause": watched.cause})

    def _hold_limits(self) -> None:
        resident = resident_bytes() if self._watched else {}
        now = time.monotonic()
        for watched in self._watched.values():
            if watched.kill_at is not None:
                if now >= watched.kill_at:
                    watched.signal(signal.SIGKILL)
            elif watched.deadline is not None and now >= watched.deadline:
                watched.cause = "timeout"
                watched.stop()
            elif resident.get(watched.process.pid, 0) > watched.memory_bytes:
                watched.cause = "memory"
                watched.signal(signal.SIGKILL)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # nobody is there any more
            self._is_open = False


def resident_bytes() -> dict[int, int]:
    """Bytes in memory by session; where there is no /proc, nothing."""
    found: dict[int, int] = {}
    if not _PROC.is_dir():
        return found
    for name in os.listdir(_PROC):  # noqa: PTH208 -- a Path for each of hundreds of processes, ten times a second
        if name.isdigit():
            with contextlib.suppress(OSError):
                fields = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
                session = int(fields[3])
                found[session] = found.get(session, 0) + int(fields[21]) * _PAGE_BYTES
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for others
    Warden().run()
