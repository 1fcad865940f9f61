"""The end of a run that failed or was stopped: an entry of the bootstrap, see `job_command`."""

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

import attrs

from flowstone_datastore import (
    Deployments,
    Record,
    RunEnded,
    RunSummary,
    TaskFailed,
    TaskSummary,
)
from flowstone_interfaces import FlowstoneError, Pathspec
from flowstone_interfaces.execution_name import run_id_of
from flowstone_interfaces.production import CANCELLED, ERROR, EXECUTION, RUN, STARTED
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.production.beginning import started_record
from flowstone_runtime.production.finished_tasks import RUN_SEGMENT
from flowstone_runtime.production.hooks import call_hooks
from flowstone_runtime.production.job_place import JobPlace

ENDING_SEGMENT = "ending"


def main(arguments: Sequence[str]) -> int:
    """Write down how the run ended and because of what, and call its hooks; 0 unless that cannot be done."""
    end = End.from_environ(os.environ)
    try:
        place = JobPlace.of(arguments, os.environ)
        datastore, flow, version = place.datastore, place.flow, place.version
        journal = datastore.journal(flow, end.run_id)
        records = [record for _, record in journal.records()]
        summary = RunSummary.of(records, now=time.time(), is_alive=lambda _process: None)
        if end.is_recorded(records, summary):
            return 0
        if summary is None:  # no job of it ever began
            deployment = Deployments(datastore.storage).read(flow, version)
            journal.writer(RUN_SEGMENT).append(started_record(deployment, version, end.run_id))
        ended = RunEnded(time=time.time(), state=end.state, message=end.message(summary, flow))
        journal.writer(end.segment).append(ended)
        call_hooks(place, end.run_id, end.state)
    except FlowstoneError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


@attrs.frozen
class End:
    """What the scheduler says of an execution that is over."""

    run_id: str
    error: str
    """The scheduler's own word."""
    is_cancelled: bool = False
    started: float | None = None
    """When the execution began, if nobody in it saw its end; UTC, seconds since 1970."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables: the run's id, or the name of the execution and when it began."""
        error = environ.get(ERROR, "")
        if run_id := environ.get(RUN):
            return cls(run_id, error)
        started = float(environ[STARTED]) / 1000
        is_cancelled = error == environ.get(CANCELLED)
        return cls(run_id_of(environ[EXECUTION], started), error, is_cancelled, started)

    @property
    def state(self) -> str:
        """What the journal calls it."""
        return "cancelled" if self.is_cancelled else "failed"

    @property
    def segment(self) -> str:
        """Where it is written: each execution of a run may end it once."""
        return ENDING_SEGMENT if self.started is None else f"{ENDING_SEGMENT}-{self.started:.0f}"

    def is_recorded(self, records: Iterable[Record], summary: RunSummary | None) -> bool:
        """True if somebody has written down the end of this execution; a run that goes on has another's before."""
        if self.started is None:
            return summary is not None and summary.ended is not None
        return any(isinstance(record, RunEnded) and record.time >= self.started for record in records)

    def message(self, summary: RunSummary | None, flow: str) -> str:
        """What to say of it."""
        if self.is_cancelled:
            return f"somebody stopped it on the scheduler ({self.error})"
        has_failed = summary is not None and any(map(_has_failed, summary.tasks.values()))
        if self.started is not None and not has_failed:  # its tasks were still at work
            return f"the scheduler ended it ({self.error})"
        return failure_message(summary, flow, self.run_id, self.error)


def failure_message(summary: RunSummary | None, flow: str, run_id: str, error: str) -> str:
    """What to say of the end of a run: the first task that failed for good, or what the scheduler says."""
    failed = [] if summary is None else [known for known in summary.tasks.values() if _has_failed(known)]
    for known in failed:
        assert isinstance(known.ended, TaskFailed)
        pathspec = Pathspec(flow, run_id, known.step, known.task)
        told = known.ended.error
        what = ": ".join(part for part in (told.type, told.message) if part) if told else known.ended.reason
        return f"{pathspec} failed: {what}"
    silent = [] if summary is None else [known for known in summary.tasks.values() if known.ended is None]
    for known in silent:
        return f"{Pathspec(flow, run_id, known.step, known.task)} ended without a word ({error})"
    return f"no task of it says why ({error})"


def _has_failed(known: TaskSummary) -> bool:
    return isinstance(known.ended, TaskFailed)
