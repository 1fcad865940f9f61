"""One thread that watches every local task: its output, its end, its time limit.

It alone touches the zygote's socket and the tasks' pipes, so nothing here needs a
lock: other threads put requests into a queue and wake it.
"""

import contextlib
import heapq
import json
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from flowstone_executors.job import decode_result
from flowstone_executors.local.child import TaskPipes
from flowstone_executors.local.memory_kills import MemoryKills
from flowstone_executors.local.messages import NOTICE_BYTES, Command, News, Notice, Verb
from flowstone_executors.local.zygote import Zygote
from flowstone_interfaces import PostEvent, Reason, Stream, TaskFinished, TaskLog, TaskRequest, TaskStarted

_READ_BYTES = 1 << 16


@attrs.define
class _Attempt:
    request: TaskRequest
    number: int
    pipes: dict[int, Stream | None]
    """Our ends of its pipes that are still open; `None` marks the result's."""
    result: bytearray = attrs.field(factory=bytearray)
    pid: int | None = None
    stopped_for: Reason | None = None
    """Why we killed it, if we did."""


class Supervisor:
    """Starts requests through the zygote and posts what becomes of them."""

    def __init__(self, zygote: Zygote, post: PostEvent) -> None:
        self._zygote = zygote
        self._post = post
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_receiver, self._wake_sender = os.pipe()
        os.set_blocking(self._wake_receiver, False)
        self._selector = selectors.DefaultSelector()
        self._attempts: dict[int, _Attempt] = {}
        self._numbers: dict[str, int] = {}  # request id -> task number
        self._deadlines: list[tuple[float, int]] = []
        self._next_number = 0
        self._notices = bytearray()
        self._memory_kills = MemoryKills()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="flowstone-local-executor", daemon=True)

    def _start(self) -> None:
        """Begin to watch."""
        if self._thread.ident is not None:
            return
        self._memory_kills.start()
        self._selector.register(self._wake_receiver, selectors.EVENT_READ, self._on_wake)
        self._selector.register(self._zygote.socket, selectors.EVENT_READ, self._on_zygote)
        self._thread.start()

    def submit(self, request: TaskRequest) -> None:
        """Have the request started; thread-safe but for the first."""
        self._start()
        self._call(lambda: self._submit(request))

    def cancel(self, request_id: str) -> None:
        """Have the request killed; thread-safe."""
        self._call(lambda: self._cancel(request_id))

    def close(self) -> None:
        """Kill everything and end the thread; blocks until no process is left."""
        self._start()
        self._call(self._begin_close)
        self._thread.join()
        for fd in (self._wake_receiver, self._wake_sender):
            os.close(fd)

    def _call(self, action: Callable[[], None]) -> None:
        self._calls.append(action)
        os.write(self._wake_sender, b"\0")

    def _run(self) -> None:
        while not (self._is_closing and not self._attempts):
            for key, _ in self._selector.select(self._seconds_to_deadline()):
                handler: Callable[[Any], None] = key.data
                handler(key.fd)
            self._stop_overdue()
        self._selector.close()
        with contextlib.suppress(OSError):  # it is gone already
            # Whatever was forked from this process meanwhile has the socket, too: closing ours would tell nobody.
            self._zygote.socket.shutdown(socket.SHUT_RDWR)
        self._zygote.socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._zygote.pid, 0)

    def _on_wake(self, _fd: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_receiver, 4096)
        while self._calls:
            self._calls.popleft()()

    # Requests

    def _submit(self, request: TaskRequest) -> None:
        number = self._next_number
        self._next_number += 1
        ours: dict[int, Stream | None] = {}
        theirs = []
        try:
            for kind in (Stream.STDOUT, Stream.STDERR, None):
                reader, writer = os.pipe()
                os.set_blocking(reader, False)
                ours[reader] = kind
                theirs.append(writer)
        except OSError as error:
            for fd in (*ours, *theirs):
                os.close(fd)
            self._post(
                TaskFinished(request.id, Reason.REFUSED, message=f"no pipe for its output: {error.strerror}")
            )
            return
        attempt = _Attempt(request, number, ours)
        self._attempts[number] = attempt
        self._numbers[request.id] = number
        for reader in ours:
            self._selector.register(reader, selectors.EVENT_READ, lambda fd, a=attempt: self._on_output(a, fd))
        self._send_start(attempt, TaskPipes(*theirs))

    def _send_start(self, attempt: _Attempt, pipes: TaskPipes) -> None:
        request = attempt.request
        argv = json.dumps(request.argv).encode()
        environ = json.dumps(dict(request.environ)).encode()
        command = Command(Verb.START, attempt.number, len(argv), len(environ), len(request.payload))
        try:
            self._send(command, (pipes.stdout, pipes.stderr, pipes.result), argv + environ + request.payload)
        except OSError:
            self._finish(attempt, Notice(News.NOT_STARTED, attempt.number, 0), Reason.LOST)
        finally:
            pipes.close()

    def _send(self, command: Command, fds: tuple[int, ...] = (), body: bytes = b"") -> None:
        if fds:
            socket.send_fds(self._zygote.socket, [command.pack()], fds)
            self._zygote.socket.sendall(body)
        else:
            self._zygote.socket.sendall(command.pack())

    def _cancel(self, request_id: str) -> None:
        number = self._numbers.get(request_id)
        if number is not None:
            self._kill(self._attempts[number], Reason.CANCELLED)

    def _kill(self, attempt: _Attempt, reason: Reason) -> None:
        attempt.stopped_for = attempt.stopped_for or reason
        with contextlib.suppress(OSError):  # a zygote that is gone has taken its tasks along
            self._send(Command(Verb.KILL, attempt.number))

    def _begin_close(self) -> None:
        self._is_closing = True
        for attempt in self._attempts.values():
            self._kill(attempt, Reason.CANCELLED)
        if self._zygote.may_stall and any(attempt.pid is None for attempt in self._attempts.values()):
            with contextlib.suppress(ProcessLookupError):  # it may load for ever and hear nothing
                os.kill(self._zygote.pid, signal.SIGKILL)

    # Time limits

    def _seconds_to_deadline(self) -> float | None:
        while self._deadlines and self._deadlines[0][1] not in self._attempts:
            heapq.heappop(self._deadlines)
        return max(0.0, self._deadlines[0][0] - time.monotonic()) if self._deadlines else None

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            attempt = self._attempts.get(heapq.heappop(self._deadlines)[1])
            if attempt is not None:
                self._kill(attempt, Reason.TIMED_OUT)

    # What tasks and zygote say

    def _on_output(self, attempt: _Attempt, fd: int) -> None:
        if fd in attempt.pipes:  # else its end came earlier in the same round, and the number may be another's
            self._read(attempt, fd)

    def _read(self, attempt: _Attempt, fd: int) -> bool:
        """Take what the pipe holds now; False once there is no more to come."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close_pipe(attempt, fd)
            return False
        stream = attempt.pipes[fd]
        if stream is None:
            attempt.result += data
        else:
            self._post(TaskLog(attempt.request.id, stream, data))
        return True

    def _close_pipe(self, attempt: _Attempt, fd: int) -> None:
        self._selector.unregister(fd)
        del attempt.pipes[fd]
        os.close(fd)

    def _on_zygote(self, _fd: int) -> None:
        try:
            data = self._zygote.socket.recv(_READ_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._lose_zygote()
            return
        self._notices += data
        whole = len(self._notices) - len(self._notices) % NOTICE_BYTES
        notices, self._notices = self._notices[:whole], self._notices[whole:]
        for start in range(0, whole, NOTICE_BYTES):
            self._on_notice(Notice.unpack(bytes(notices[start : start + NOTICE_BYTES])))

    def _on_notice(self, notice: Notice) -> None:
        attempt = self._attempts.get(notice.number)
        if attempt is None:
            return
        if notice.news is News.STARTED:
            attempt.pid = notice.value
            limit = attempt.request.timeout_seconds
            if limit is not None:
                heapq.heappush(self._deadlines, (time.monotonic() + limit, attempt.number))
            self._post(TaskStarted(attempt.request.id, f"pid {notice.value}"))
        elif notice.news is News.NOT_STARTED:
            self._finish(attempt, notice, Reason.REFUSED)
        elif attempt.stopped_for is not None:
            self._finish(attempt, notice, attempt.stopped_for)
        else:
            self._finish(attempt, notice, self._reason(notice))

    def _reason(self, notice: Notice) -> Reason:
        """Why a task ended that we did not stop."""
        if notice.value >= 0:
            return Reason.EXITED
        is_killed = notice.value == -signal.SIGKILL
        return Reason.OUT_OF_MEMORY if is_killed and self._memory_kills.take_one() else Reason.SIGNALLED

    def _lose_zygote(self) -> None:
        """The zygote was killed, and the kernel its tasks with it; say so for each."""
        self._selector.unregister(self._zygote.socket)
        for attempt in list(self._attempts.values()):
            if attempt.pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(attempt.pid, 9)
            self._finish(attempt, Notice(News.NOT_STARTED, attempt.number, 0), attempt.stopped_for or Reason.LOST)

    def _finish(self, attempt: _Attempt, notice: Notice, reason: Reason) -> None:
        # A process that left the task's group may hold its pipes open: take what is there, wait for no more.
        for fd in list(attempt.pipes):
            while self._read(attempt, fd):
                pass
            if fd in attempt.pipes:
                self._close_pipe(attempt, fd)
        del self._attempts[attempt.number]
        del self._numbers[attempt.request.id]
        was_started = notice.news is News.EXITED
        self._post(
            TaskFinished(
                attempt.request.id,
                reason,
                exit_code=notice.value if was_started else None,
                result=decode_result(bytes(attempt.result)),
                message=_message(notice, reason, attempt.request.timeout_seconds),
                cpu_seconds=notice.cpu_seconds if was_started else None,
                max_memory_mib=notice.max_memory_mib if was_started else None,
            )
        )


def _message(notice: Notice, reason: Reason, timeout_seconds: float | None) -> str:
    if reason is Reason.LOST:
        return "the process that starts tasks was killed, and this task with it"
    if reason is Reason.REFUSED:
        return f"no process could be forked: {os.strerror(notice.value)}"
    if reason is Reason.OUT_OF_MEMORY:
        return (
            f"the machine ran out of memory, and the kernel killed it; it held {notice.max_memory_mib:.0f} MiB "
            "(run fewer tasks at once, or on a larger machine)"
        )
    if reason is Reason.TIMED_OUT:
        return f"it ran longer than {timeout_seconds:g} seconds"
    return ""
