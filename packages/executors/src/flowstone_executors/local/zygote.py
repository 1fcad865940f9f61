"""The process that forks tasks.

It is forked from a process that has imported the user's modules and has no threads
yet, so that each task is a fork of it: isolated, with every import done. It does
nothing but fork, kill and reap, holds no data, and ends, with all its tasks, as
soon as the scheduler's end of the socket closes, however the scheduler died.
"""

import contextlib
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

import attrs

from flowstone_executors.job import Program
from flowstone_executors.local.child import DieWithParent, TaskPipes, TaskStart, become_task, die_with_parent_call
from flowstone_executors.local.messages import COMMAND_BYTES, Command, News, Notice, Verb


@attrs.frozen
class Launch:
    """How to start an interpreter of its own that calls `serve_launched`."""

    argv: tuple[str, ...]
    """The program and its arguments; the descriptor comes last."""
    environ: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """Environment variables, on top of this process's own."""


@attrs.frozen
class Zygote:
    """The scheduler's handle on the process that forks: its id and the socket to it."""

    pid: int
    socket: socket.socket
    may_stall: bool = False
    """Whether it may be busy loading the program when it is asked for something."""


Load = Callable[[bytes], Program]
"""Makes the program of all tasks from the payload of the first. What it cannot load is the program's to report."""


def start_zygote(program: Program | None) -> Zygote:
    """Fork the zygote; `program` runs in each task, `None` executes the request's argv.

    Call it before this process starts threads: a fork copies only the calling thread
    and leaves the locks of the others locked for ever.
    """
    ours, theirs = socket.socketpair()
    # Found before the fork: loading ctypes costs each task what it costs the zygote once.
    die_with_parent = die_with_parent_call()
    _flush_streams()
    with warnings.catch_warnings():
        # Python counts the threads of numeric libraries too, which take care of a fork themselves.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        theirs.close()
        return Zygote(pid, ours)
    try:
        ours.close()
        _Server(theirs, program, None, die_with_parent).serve()
    finally:
        os._exit(1)


def launch_zygote(launch: Launch) -> Zygote:
    """Start another interpreter as the zygote: its tasks are forks of a process that has loaded the program there.

    Call it in the main thread: on Linux, the zygote ends with the thread that started it.

    Raises:
        OSError: there is no such interpreter.
    """
    ours, theirs = socket.socketpair()
    try:
        theirs.set_inheritable(True)
        argv = [*launch.argv, str(theirs.fileno())]
        pid = os.posix_spawnp(argv[0], argv, {**os.environ, **launch.environ}, setsid=True)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return Zygote(pid, ours, may_stall=True)


def serve_launched(descriptor: int, load: Load) -> NoReturn:
    """Be the zygote that `launch_zygote` started; the descriptor is its last argument.

    The program is loaded when the first task comes, before that is forked; what loading prints is the task's.
    """
    connection = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    die_with_parent = die_with_parent_call()
    if die_with_parent is not None:  # it may be loading, and not listening, when the scheduler dies
        die_with_parent()
    _Server(connection, None, load, die_with_parent).serve()


def _flush_streams() -> None:
    # What is still buffered would be written once more by every fork.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()


class _Server:
    """The zygote's own side: one loop over the socket and the deaths of its children."""

    def __init__(
        self,
        connection: socket.socket,
        program: Program | None,
        load: Load | None,
        die_with_parent: DieWithParent | None,
    ) -> None:
        self._connection = connection
        self._program = program
        self._load = load
        self._die_with_parent = die_with_parent
        self._numbers: dict[int, int] = {}  # process id -> task number
        self._pids: dict[int, int] = {}  # the inverse

    def serve(self) -> NoReturn:
        with contextlib.suppress(PermissionError):  # launched as the leader of a session
            os.setsid()  # a terminal's Ctrl-C is the scheduler's to handle
        gc.freeze()  # a collection in a task would copy every page of the shared heap
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        deaths, wakeup = os.pipe()
        os.set_blocking(deaths, False)
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        connection = self._connection.fileno()
        poll = select.poll()  # unlike select, it takes descriptors above 1,023
        for fd in (connection, deaths):
            poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if deaths in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(deaths, 4096)
                self._reap()
            if connection in ready and not self._obey():
                self._kill_all()
                os._exit(0)

    def _obey(self) -> bool:
        """Carry out one command; False once the scheduler is gone."""
        try:
            header, fds, _, _ = socket.recv_fds(self._connection, COMMAND_BYTES, 3)
            if not header:
                return False
            header += self._receive(COMMAND_BYTES - len(header))
            command = Command.unpack(header)
            if command.verb is Verb.KILL:
                self._kill(command.number)
                return True
            argv = tuple(json.loads(self._receive(command.argv_bytes)))
            environ = json.loads(self._receive(command.environ_bytes))
            payload = self._receive(command.payload_bytes)
            self._start(command.number, TaskStart(argv, environ, payload, TaskPipes(*fds)))
        except (EOFError, ConnectionError):
            return False
        return True

    def _receive(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._connection.recv(size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _start(self, number: int, start: TaskStart) -> None:
        if self._load is not None:
            with _streams_of(start.pipes):
                self._program = self._load(start.payload)
            self._load = None
            gc.freeze()
        try:
            pid = os.fork()
        except OSError as error:
            self._send(Notice(News.NOT_STARTED, number, error.errno or errno.EAGAIN))
        else:
            if pid == 0:
                become_task(start, self._program, self._die_with_parent, self._connection.fileno())
            self._numbers[pid] = number
            self._pids[number] = pid
            self._send(Notice(News.STARTED, number, pid))
        finally:
            start.pipes.close()

    def _kill(self, number: int) -> None:
        # Only an unreaped child is killed here, so its id cannot have gone to a stranger.
        pid = self._pids.get(number)
        if pid is not None:
            _kill_group(pid)

    def _reap(self) -> None:
        while self._numbers:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._numbers.pop(pid, None)
            if number is None:
                continue
            del self._pids[number]
            _kill_group(pid)  # what the task left running ends with it
            # Linux counts ru_maxrss in KiB, macOS in bytes.
            unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
            self._send(
                Notice(
                    News.EXITED,
                    number,
                    os.waitstatus_to_exitcode(status),
                    usage.ru_utime + usage.ru_stime,
                    usage.ru_maxrss / unit,
                )
            )

    def _send(self, notice: Notice) -> None:
        # A scheduler that is gone shows as end of file in the loop, which then stops everything.
        with contextlib.suppress(ConnectionError):
            self._connection.sendall(notice.pack())

    def _kill_all(self) -> None:
        for pid in self._numbers:
            _kill_group(pid)
        for pid in self._numbers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


@contextlib.contextmanager
def _streams_of(pipes: TaskPipes) -> Iterator[None]:
    """What is written meanwhile goes where the task's output goes."""
    kept = [os.dup(fd) for fd in (1, 2)]
    try:
        os.dup2(pipes.stdout, 1)
        os.dup2(pipes.stderr, 2)
        yield
    finally:
        _flush_streams()
        for number, fd in enumerate(kept, 1):
            os.dup2(fd, number)
            os.close(fd)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)  # a child that has not come to its setsid yet leads no group
