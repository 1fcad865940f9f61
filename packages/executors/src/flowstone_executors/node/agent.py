"""What a job runs: it reads its request, runs the program, prints what that writes, and leaves how it ended.

It needs the standard library only. The program is its child, and inherits payload and result as from the local
executor; so a program that is killed still has somebody to tell of it.
"""

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from flowstone_executors.node.credentials import NoCredentialsError
from flowstone_executors.node.job_objects import (
    FIRST_READ_BYTES,
    HEAD_DIGITS,
    LINES_BYTES,
    LONGEST_LINE_BYTES,
    end_name,
    marked,
)
from flowstone_executors.node.s3 import S3Error, S3Place

_READ_BYTES = 1 << 16
_STOP_SECONDS = 5.0
_RESULT_HEADER_BYTES = 8


def main() -> int:
    """Run the request; the program's exit status, as a shell has it."""
    store, _, name = os.environ.pop("FLOWSTONE_REQUEST").partition("#")
    index = int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX") or "0")
    place = S3Place(store)
    try:
        argv, fields, payload = read_request(place, name, index)
        run = Run(place, end_name(name, index))
        end = run.execute(argv, fields, payload)
        run.leave(end)
    except (S3Error, NoCredentialsError) as error:
        sys.stderr.write(f"flowstone cannot work here: {error}\n")
        return 78  # EX_CONFIG
    code: int = end["exit_code"]
    return code if code >= 0 else 128 - code


def read_request(place: S3Place, name: str, index: int) -> tuple[list[str], dict[str, Any], bytes]:
    """The command, the fields and the payload of one job.

    Raises:
        S3Error: they cannot be read.
    """
    data = place.get(name, 0, FIRST_READ_BYTES)
    if data is None:
        raise S3Error(f"there is no {name} in {place.url}: it was deleted")
    start = HEAD_DIGITS + int(data[:HEAD_DIGITS])
    if start > len(data):
        data += place.get(name, len(data), start - len(data)) or b""
    head = json.loads(data[HEAD_DIGITS:start])
    start += sum(head["sizes"][:index])
    size = head["sizes"][index]
    part = data[start : start + size]
    if len(part) < size:
        part = place.get(name, start, size) or b""
    line, _, payload = part.partition(b"\n")
    return head["argv"], json.loads(line), payload


class Run:
    """One program, from its start to its end."""

    def __init__(self, place: S3Place, name: str) -> None:
        self._place = place
        self._name = name
        self._lines: list[bytes] = []
        self._bytes = 0
        self._full = 0
        """Objects of printed lines that are written."""
        self._count = 0
        self._rests = [b"", b""]
        self._result = bytearray()
        self._stop_at = float("inf")
        self._is_timed_out = False

    def execute(self, argv: list[str], fields: dict[str, Any], payload: bytes) -> dict[str, Any]:
        """Run the program to its end; how that was."""
        wakeup, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop_soon())
        reader, writer = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.write(payload)
            file.flush()
            environ = {
                **os.environ,
                **fields["environ"],
                "FLOWSTONE_PAYLOAD_FD": str(file.fileno()),
                "FLOWSTONE_RESULT_FD": str(writer),
            }
            try:
                child = subprocess.Popen(
                    argv,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(file.fileno(), writer),
                )
            except OSError as error:
                self._print(True, f"cannot start {argv[0]!r}: {error.strerror}".encode(), False)
                return {"exit_code": 127}
        os.close(writer)
        seconds = fields.get("timeout_seconds")
        deadline = float("inf") if seconds is None else time.monotonic() + float(seconds)
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ, -1)
            for number, source in enumerate((child.stdout, child.stderr, reader)):
                selector.register(source, selectors.EVENT_READ, number)  # type: ignore[arg-type]  # they are pipes
            while child.poll() is None:
                now = time.monotonic()
                if now > deadline and not self._is_timed_out:
                    self._is_timed_out = True
                    child.kill()
                if now > self._stop_at:
                    child.kill()
                elif self._stop_at < float("inf"):
                    child.terminate()
                nearest = min(deadline, self._stop_at, now + 3600.0)
                self._read(selector, max(0.0, nearest - now) + 0.01)
            while self._read(selector, 0.0):  # what it leaves running does not hold us
                pass
        for number, rest in enumerate(self._rests):
            if rest:
                self._print(bool(number), rest, True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return {
            "exit_code": child.returncode,
            "is_timed_out": self._is_timed_out,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "max_memory_mib": used.ru_maxrss / unit,
        }

    def leave(self, end: dict[str, Any]) -> None:
        """Write the end object.

        Raises:
            S3Error: it cannot be written.
        """
        size = int.from_bytes(self._result[:_RESULT_HEADER_BYTES], "big")
        result = self._result[_RESULT_HEADER_BYTES:]
        is_whole = len(self._result) >= _RESULT_HEADER_BYTES and len(result) == size
        end = {**end, "result_size": size if is_whole else None, "full_objects": self._full}
        lines = b"".join(line + b"\n" for line in self._lines)
        self._place.put(self._name, json.dumps(end).encode() + b"\n" + (result if is_whole else b"") + lines)

    def _stop_soon(self) -> None:
        self._stop_at = min(self._stop_at, time.monotonic() + _STOP_SECONDS)

    def _read(self, selector: selectors.BaseSelector, seconds: float) -> bool:
        """Take what came; whether anything did."""
        is_any = False
        for key, _ in selector.select(seconds):
            data = os.read(key.fd, _READ_BYTES)
            if key.data == -1:
                continue
            if not data:
                selector.unregister(key.fileobj)
                continue
            is_any = True
            if key.data == 2:
                self._result.extend(data)
                continue
            *whole, self._rests[key.data] = (self._rests[key.data] + data).split(b"\n")
            for line in whole:
                self._print(bool(key.data), line, False)
            if len(self._rests[key.data]) > LONGEST_LINE_BYTES:
                self._print(bool(key.data), self._rests[key.data], True)
                self._rests[key.data] = b""
            sys.stdout.flush()
        return is_any

    def _print(self, is_stderr: bool, line: bytes, goes_on: bool) -> None:
        while len(line) > LONGEST_LINE_BYTES:
            self._keep(marked(is_stderr, line[:LONGEST_LINE_BYTES], True))
            line = line[LONGEST_LINE_BYTES:]
        self._keep(marked(is_stderr, line, goes_on))

    def _keep(self, line: bytes) -> None:
        sys.stdout.buffer.write(line + b"\n")
        self._lines.append(line)
        self._bytes += len(line) + 1
        if self._bytes >= LINES_BYTES:
            self._place.put(f"{self._name}.{self._full}", b"".join(line + b"\n" for line in self._lines))
            self._full += 1
            self._lines, self._bytes = [], 0
