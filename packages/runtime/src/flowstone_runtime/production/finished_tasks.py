"""Finds what other jobs of the run have recorded, by the names of their tasks."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from flowstone_datastore import (
    Journal,
    ObjectNotFoundError,
    Record,
    RecordRef,
    RunStarted,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_graph import ForeachFrame, TaskKey
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.production.identity import segment_of
from flowstone_runtime.tasks.task_spec import ParentRef

RUN_SEGMENT = "run"
"""The part of the journal that says how the run began."""

_AT_ONCE = 32
"""So many records of a join's parents are read beside each other."""


class ParentNotFoundError(FlowstoneError, LookupError):
    """A task was started whose parent has not finished."""

    def __init__(self, run: str, tasks: Sequence[TaskKey]) -> None:
        super().__init__(run, tasks)
        self.run = run
        self.tasks = tuple(tasks)

    def __str__(self) -> str:
        wanted = " or ".join(map(str, self.tasks))
        return f"the journal of {self.run} does not say that {wanted} finished; was the run deleted?"


@attrs.frozen
class FinishedTask:
    """A task, and what it recorded."""

    ref: ParentRef
    stack: tuple[ForeachFrame, ...]
    record: TaskFinished


@attrs.frozen
class Attempts:
    """What there is of a task."""

    number: int
    """How many attempts began."""
    finished: FinishedTask | None
    last: TaskFailed | None
    """How the last one failed, if it could say so."""


@attrs.frozen
class FinishedTasks:
    """The journal of a run, as a job looks into it."""

    journal: Journal
    run: str
    """Its pathspec, for people."""

    def start_of_run(self) -> RunStarted | None:
        """The run's first record; `None` if it has none yet."""
        try:
            records = self.journal.read_segment(RUN_SEGMENT)
        except ObjectNotFoundError:
            return None
        return next((record for _, record in records if isinstance(record, RunStarted)), None)

    def attempts(self, key: TaskKey) -> Attempts:
        """Look at the attempts of a task, one request for each, until one finished or there are no more."""
        number = 0
        failed: TaskFailed | None = None
        while True:
            try:
                records = self.journal.read_segment(segment_of(key, number))
            except ObjectNotFoundError:
                return Attempts(number, None, failed)
            number += 1
            finished = _finished(key, records)
            if finished is not None:
                return Attempts(number, finished, None)
            failed = next((record for _, record in records if isinstance(record, TaskFailed)), None)

    def one_of(self, keys: Sequence[TaskKey]) -> FinishedTask:
        """The one of these tasks that the run came through.

        Raises:
            ParentNotFoundError: it was none of them.
        """
        for key in keys:
            if (finished := self.attempts(key).finished) is not None:
                return finished
        raise ParentNotFoundError(self.run, keys)

    def each_of(self, choices: Iterable[Sequence[TaskKey]]) -> tuple[FinishedTask, ...]:
        """`one_of` for each, side by side, in the order given."""
        wanted = list(choices)
        if len(wanted) <= 1:
            return tuple(map(self.one_of, wanted))
        with ThreadPoolExecutor(min(_AT_ONCE, len(wanted)), "flowstone-parents") as pool:
            return tuple(pool.map(self.one_of, wanted))


def _finished(key: TaskKey, records: Sequence[tuple[RecordRef, Record]]) -> FinishedTask | None:
    stack: tuple[ForeachFrame, ...] = ()
    for ref, record in records:
        if isinstance(record, TaskStarted):
            stack = tuple(ForeachFrame(step, index, count or 0) for step, index, count in record.stack)
        elif isinstance(record, TaskFinished):
            return FinishedTask(ParentRef(key, ref), stack, record)
    return None
