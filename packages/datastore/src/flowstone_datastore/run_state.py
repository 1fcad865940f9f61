"""What a journal says of its run: a pure fold over its records."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

import attrs

from flowstone_datastore.process_identity import ProcessIdentity
from flowstone_datastore.records import (
    Heartbeat,
    Record,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_interfaces.python_310 import Self

IsAlive = Callable[[ProcessIdentity], bool | None]
"""Whether a process runs; `None` if that cannot be told from here."""

MISSED_HEARTBEATS = 3
"""A run that was silent for this many times its heartbeat has died."""


class RunState(Enum):
    """How a run is, or how it ended."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DIED = "died"
    """It said nothing of an end, and nothing of it is left: its process or its machine went away."""


class TaskState(Enum):
    """What is known of a task."""

    RUNNING = "running"
    """It began, and nothing says that it ended: if the run died, so did it."""
    FINISHED = "finished"
    FAILED = "failed"


@attrs.frozen
class TaskSummary:
    """The latest attempt of a task."""

    step: str
    task: str
    attempt: int
    started: TaskStarted | None = None
    """`None` if only its end was recorded, as for a task taken over from another run."""
    ended: TaskFinished | TaskFailed | None = None
    """`None` while it runs."""

    @property
    def state(self) -> TaskState:
        """What is known of the latest attempt; `FAILED` too if another is to follow."""
        if self.ended is None:
            return TaskState.RUNNING
        return TaskState.FINISHED if isinstance(self.ended, TaskFinished) else TaskState.FAILED


@attrs.frozen
class RunSummary:
    """A run as its journal tells it."""

    state: RunState
    started: RunStarted
    ended: RunEnded | None
    """`None` if the run is running, or died."""
    last_sign: float
    """When it was heard of last: UTC, seconds since 1970. Who changes its tags is no sign of it."""
    tags: frozenset[str]
    """The user's, after all changes. System tags never change: `started.system_tags`."""
    tasks: Mapping[tuple[str, str], TaskSummary]
    """By step and task id, in the order in which they began."""
    tagged_at: float
    """When its tags were changed last: UTC, seconds since 1970. The next change must have a later time."""

    @classmethod
    def of(cls, records: Iterable[Record], *, now: float, is_alive: IsAlive) -> Self | None:
        """Fold a journal's records, in their order; `None` if they have no `RunStarted`: the run has not begun.

        `now` (UTC, seconds since 1970) and `is_alive` decide whether a run without an end runs or died. The same
        record twice counts once.
        """
        started: RunStarted | None = None
        ended: RunEnded | None = None
        last_sign = float("-inf")
        tagged_at = float("-inf")
        tags: set[str] = set()
        tasks: dict[tuple[str, str], TaskSummary] = {}
        for record in records:
            if isinstance(record, TagsChanged):
                tags = (tags - set(record.removed)) | set(record.added)
                tagged_at = max(tagged_at, record.time)
                continue
            last_sign = max(last_sign, record.time)
            match record:
                case TaskStarted() | TaskFinished() | TaskFailed():
                    tasks[record.step, record.task] = _after(tasks.get((record.step, record.task)), record)
                case RunStarted():
                    if started is None:
                        started = record
                        tags |= set(record.tags)
                case RunEnded():
                    ended = record
                case Heartbeat():
                    ended = None  # whoever ended it is gone, and somebody else goes on
        if started is None:
            return None
        state = _state(started, ended, last_sign, now, is_alive)
        return cls(state, started, ended, last_sign, frozenset(tags), tasks, max(tagged_at, started.time))

    @property
    def finished_at(self) -> float | None:
        """When the run ended: UTC, seconds since 1970; for one that died, when it was last heard of."""
        if self.ended is not None:
            return self.ended.time
        return self.last_sign if self.state is RunState.DIED else None


def _after(known: TaskSummary | None, record: TaskStarted | TaskFinished | TaskFailed) -> TaskSummary:
    if known is None or record.attempt > known.attempt:
        known = TaskSummary(record.step, record.task, record.attempt)
    elif record.attempt < known.attempt:
        return known
    if isinstance(record, TaskStarted):
        return TaskSummary(known.step, known.task, known.attempt, record, known.ended)
    return TaskSummary(known.step, known.task, known.attempt, known.started, record)


def _state(
    started: RunStarted, ended: RunEnded | None, last_sign: float, now: float, is_alive: IsAlive
) -> RunState:
    if ended is not None:
        return RunState(ended.state)
    alive = None if started.process is None else is_alive(started.process)
    if alive is not None:
        return RunState.RUNNING if alive else RunState.DIED
    if started.heartbeat_seconds is None:
        return RunState.RUNNING
    is_silent = now - last_sign > MISSED_HEARTBEATS * started.heartbeat_seconds
    return RunState.DIED if is_silent else RunState.RUNNING
