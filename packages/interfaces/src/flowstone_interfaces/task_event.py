"""What an executor reports of a task: it started, it wrote, it finished.

For one request the order is: at most one `TaskStarted`, any number of `TaskLog`,
exactly one `TaskFinished`, which is the last. A request that never starts (no such
image, cancelled while queued) has only its `TaskFinished`.
"""

from enum import Enum

import attrs


class Stream(Enum):
    """Which of a program's two output streams."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Reason(Enum):
    """Why an attempt ended, as far as the executor can tell."""

    EXITED = "exited"
    """The program ended by itself; `exit_code` says how."""
    SIGNALLED = "signalled"
    """A signal that the executor did not send; `exit_code` is its negative number."""
    CANCELLED = "cancelled"
    """The executor stopped it because it was asked to."""
    TIMED_OUT = "timed_out"
    """It ran longer than `timeout_seconds`."""
    OUT_OF_MEMORY = "out_of_memory"
    """It was killed for its memory."""
    LOST = "lost"
    """The machine or the executor's helper went away; another try may succeed."""
    REFUSED = "refused"
    """It could not be started at all; `message` says why."""


@attrs.frozen
class TaskStarted:
    """The program is running."""

    request_id: str
    worker: str
    """Where, for people: `pid 4711`, a job's name."""


@attrs.frozen
class TaskLog:
    """Some bytes that the program wrote, as they came: not cut at lines, not decoded."""

    request_id: str
    stream: Stream
    data: bytes


@attrs.frozen
class TaskFinished:
    """The attempt is over; nothing of it runs any more."""

    request_id: str
    reason: Reason
    exit_code: int | None = None
    """The exit status; a negative signal number if a signal ended it; `None` if it is not known."""
    result: bytes | None = None
    """What the program sent back; `None` if it sent nothing, or not all of it."""
    message: str = ""
    """One sentence for people where `reason` alone does not explain it."""
    cpu_seconds: float | None = None
    max_memory_mib: float | None = None


TaskEvent = TaskStarted | TaskLog | TaskFinished
