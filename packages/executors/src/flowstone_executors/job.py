"""What a program that runs as a task sees of its executor.

The same program runs in a fork (it is called with a `Job`) or in a process of its
own (`inherited_job()` finds the job that the executor handed down). Payload and
result travel through file descriptors whose numbers stand in two environment
variables; a result is eight bytes of length, big-endian, then that many bytes, so
that half a result is never taken for a whole one.
"""

import os
from collections.abc import Callable, Mapping, MutableMapping

import attrs

PAYLOAD_FD_VARIABLE = "FLOWSTONE_PAYLOAD_FD"
RESULT_FD_VARIABLE = "FLOWSTONE_RESULT_FD"
RESULT_HEADER_BYTES = 8


@attrs.define
class Job:
    """One attempt of one task, seen from inside."""

    payload: bytes
    """What `TaskRequest.payload` held."""
    result_fd: int | None = None
    """Where the result goes; `None` if nobody waits for one."""

    def send_result(self, data: bytes) -> None:
        """Hand the result to the scheduler; blocks until it is read. At most once.

        Raises:
            RuntimeError: a result was sent before, or nobody waits for one.
            BrokenPipeError: the executor is gone.
        """
        if self.result_fd is None:
            raise RuntimeError("this job has sent its result before, or nobody waits for one")
        with os.fdopen(self.result_fd, "wb") as pipe:
            self.result_fd = None
            pipe.write(len(data).to_bytes(RESULT_HEADER_BYTES, "big"))
            pipe.write(data)


Program = Callable[[Job], int]
"""Runs one job and returns its exit status. Runs in a process that ends with it."""


def inherited_payload(environ: Mapping[str, str]) -> bytes:
    """The payload of the job that the executor gave to this process, which can still be inherited.

    Raises:
        LookupError: this process was not started by an executor.
    """
    descriptor = int(environ[PAYLOAD_FD_VARIABLE])
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def inherited_job(environ: MutableMapping[str, str]) -> Job:
    """The job that the local executor gave to this process.

    Takes the two variables out of `environ`, so that programs which the task starts
    do not take them for theirs.

    Raises:
        LookupError: this process was not started by a local executor.
    """
    payload_fd = int(environ.pop(PAYLOAD_FD_VARIABLE))
    result_fd = int(environ.pop(RESULT_FD_VARIABLE))
    os.set_inheritable(result_fd, False)
    with os.fdopen(payload_fd, "rb") as file:
        file.seek(0)
        return Job(file.read(), result_fd)


def decode_result(received: bytes) -> bytes | None:
    """The result in what came through the pipe, or `None` if there is none or it is cut short."""
    size = int.from_bytes(received[:RESULT_HEADER_BYTES], "big")
    data = received[RESULT_HEADER_BYTES:]
    return data if len(received) >= RESULT_HEADER_BYTES and len(data) == size else None
