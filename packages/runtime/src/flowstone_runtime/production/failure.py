"""The end of a run that failed: an entry of the bootstrap, see `job_command`."""

import os
import sys
import time
from collections.abc import Sequence

from flowstone_datastore import (
    Deployments,
    Journal,
    RunEnded,
    RunSummary,
    TaskFailed,
    TaskSummary,
)
from flowstone_interfaces import FlowstoneError, Pathspec
from flowstone_interfaces.production import ERROR, RUN
from flowstone_runtime.production.beginning import started_record
from flowstone_runtime.production.finished_tasks import RUN_SEGMENT
from flowstone_runtime.production.hooks import call_hooks
from flowstone_runtime.production.job_place import JobPlace

ENDING_SEGMENT = "ending"


def main(arguments: Sequence[str]) -> int:
    """Write down that the run failed, and of which task, and call its hooks; 0 unless that cannot be done."""
    run_id = os.environ[RUN]
    try:
        place = JobPlace.of(arguments, os.environ)
        datastore, flow, version = place.datastore, place.flow, place.version
        journal = datastore.journal(flow, run_id)
        summary = _summary(journal)
        if summary is None:  # no job of it ever began
            deployment = Deployments(datastore.storage).read(flow, version)
            journal.writer(RUN_SEGMENT).append(started_record(deployment, version, run_id))
        if summary is None or summary.ended is None:
            message = failure_message(summary, flow, run_id, os.environ.get(ERROR, ""))
            journal.writer(ENDING_SEGMENT).append(RunEnded(time=time.time(), state="failed", message=message))
            call_hooks(place, run_id, "failed")
    except FlowstoneError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


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


def _summary(journal: Journal) -> RunSummary | None:
    records = [record for _, record in journal.records()]
    return RunSummary.of(records, now=time.time(), is_alive=lambda _process: None)
