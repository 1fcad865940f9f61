"""A fork of the zygote turns into a task."""

import ctypes
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn

import attrs

from flowstone_executors.job import PAYLOAD_FD_VARIABLE, RESULT_FD_VARIABLE, Job, Program

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

DieWithParent = Callable[[], None]
"""Asks the kernel to kill this process when its parent dies."""


@attrs.frozen
class TaskPipes:
    """The three descriptors a task writes to."""

    stdout: int
    stderr: int
    result: int

    def close(self) -> None:
        """Close all three."""
        for fd in (self.stdout, self.stderr, self.result):
            os.close(fd)


@attrs.frozen
class TaskStart:
    """All that a fork needs to become a task."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    payload: bytes
    pipes: TaskPipes


def die_with_parent_call() -> DieWithParent | None:
    """What a child calls so that the kernel kills it when its parent dies; `None` where there is no such thing.

    It guards against the death of the zygote itself; the death of the scheduler is the zygote's to handle.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    return die_with_parent


def become_task(
    start: TaskStart, program: Program | None, die_with_parent: DieWithParent | None, zygote_fd: int
) -> NoReturn:
    """Run the task in this process and end the process with its exit status."""
    status = 1
    try:
        parent = os.getppid()
        os.setsid()
        if die_with_parent is not None:
            die_with_parent()
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)
        _restore_signals()
        os.close(zygote_fd)
        _connect_streams(start.pipes)
        os.environ.update(start.environ)
        result_fd = start.pipes.result
        if program is None:
            _execute(start.argv, start.payload, result_fd)
        os.set_inheritable(result_fd, False)
        status = program(Job(start.payload, result_fd))
    except SystemExit as exit_request:
        status = exit_request.code if isinstance(exit_request.code, int) else int(exit_request.code is not None)
    except BaseException:  # noqa: BLE001 - the last frame of the process: everything is reported, nothing goes on
        traceback.print_exc()
    finally:
        _flush()
        # No interpreter teardown: it costs more than the fork, and the memory goes with the process.
        os._exit(status & 0xFF)


def _restore_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _connect_streams(pipes: TaskPipes) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(pipes.stdout, 1)
    os.dup2(pipes.stderr, 2)
    os.close(pipes.stdout)
    os.close(pipes.stderr)
    # The zygote's own stream objects may be a terminal's, a test runner's or closed ones.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if faulthandler.is_enabled():
        faulthandler.enable()  # it remembers the zygote's stream


def _execute(argv: tuple[str, ...], payload: bytes, result_fd: int) -> NoReturn:
    payload_fd = os.memfd_create("payload", 0) if hasattr(os, "memfd_create") else _unlinked_file()
    with os.fdopen(payload_fd, "wb", closefd=False) as file:
        file.write(payload)
    for fd in (payload_fd, result_fd):
        os.set_inheritable(fd, True)
    os.environ[PAYLOAD_FD_VARIABLE] = str(payload_fd)
    os.environ[RESULT_FD_VARIABLE] = str(result_fd)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell: the request's own words
    except OSError as error:
        sys.stderr.write(f"cannot start {argv[0]!r}: {error.strerror}\n")
        _flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)  # as shells do


def _unlinked_file() -> int:
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the user's code: nothing to save
            continue
