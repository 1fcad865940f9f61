"""Find the run to resume."""

import time
from collections.abc import Iterator

import attrs

from flowstone_datastore import SPUN_TAG, Datastore, RunState, RunSummary, is_alive
from flowstone_runtime.errors import UsageError


@attrs.frozen
class ResumeRequest:
    """What a person asks for."""

    origin_run_id: str | None = None
    """`None` for the newest run of the person who asks that has ended."""
    step: str | None = None
    """Run this step again, whatever became of it."""


def find_origin(datastore: Datastore, flow: str, request: ResumeRequest, user: str) -> RunSummary:
    """The run to resume, as its journal tells it.

    Raises:
        UsageError: there is none, or it still runs.
    """
    if request.origin_run_id is None:
        newest = next(_ended_runs(datastore, flow, user), None)
        if newest is None:
            raise UsageError(
                f"there is no run of {flow} by {user} in {datastore.url} that has ended and could be resumed; "
                "start one with `run`, or name another's with --origin-run-id"
            )
        return newest
    origin = read_run(datastore, flow, request.origin_run_id.removeprefix(f"{flow}/"))
    if origin.state is RunState.RUNNING:
        raise UsageError(
            f"{flow}/{origin.started.run_id} is still running; wait for its end, or name another run with "
            "--origin-run-id"
        )
    return origin


def read_run(datastore: Datastore, flow: str, run_id: str) -> RunSummary:
    """What the journal says of a run.

    Raises:
        UsageError: there is no such run.
    """
    summary = _summary(datastore, flow, run_id)
    if summary is None:
        known = [*datastore.run_ids(flow)][:3]
        newest = f"the newest are {', '.join(known)}" if known else "it has none"
        raise UsageError(f"there is no run {run_id!r} of {flow} in {datastore.url}; {newest}")
    return summary


def _ended_runs(datastore: Datastore, flow: str, user: str) -> Iterator[RunSummary]:
    for run_id in datastore.run_ids(flow):
        summary = _summary(datastore, flow, run_id)
        if summary is None or summary.started.user != user or SPUN_TAG in summary.started.system_tags:
            continue
        if summary.state is not RunState.RUNNING:
            yield summary


def _summary(datastore: Datastore, flow: str, run_id: str) -> RunSummary | None:
    records = [record for _, record in datastore.journal(flow, run_id).records()]
    return RunSummary.of(records, now=time.time(), is_alive=is_alive)
