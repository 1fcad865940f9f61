"""Facts about an attempt of a task, as name and value: what ran it, where, with which versions."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from flowstone_datastore import TaskFinished

if TYPE_CHECKING:
    from flowstone_datastore import RunSummary, TaskSummary


class Metadatum(NamedTuple):
    """One fact."""

    name: str
    value: str
    created_at: datetime
    type: str
    """The name again, or what kind of fact it is; as people know it."""


def environment_info(summary: "RunSummary", known: "TaskSummary") -> dict[str, str]:
    """Versions by name, and where the task ran, as far as it is known."""
    started = summary.started
    info = {f"{name}_version": value for name, value in started.versions.items()}
    worker = known.started.worker if known.started else ""
    host = started.process.host if started.process else ""
    return {**info, **{name: text for name, text in (("worker", worker), ("host", host)) if text}}


def metadata_of(url: str, summary: "RunSummary", known: "TaskSummary") -> list[Metadatum]:
    """All facts about one attempt in the store at `url`."""
    started, ended = summary.started, known.ended
    began = datetime.fromtimestamp(known.started.time if known.started else started.time, timezone.utc)
    facts = {"attempt": str(known.attempt), "user": started.user, "ds-root": url}
    facts |= environment_info(summary, known)
    if started.origin_run is not None:
        facts["origin-run-id"] = started.origin_run
    found = [Metadatum(name, value, began, name) for name, value in facts.items() if value]
    if ended is None:
        return found
    over = datetime.fromtimestamp(ended.time, timezone.utc)
    told = {
        "attempt_ok": isinstance(ended, TaskFinished),
        "seconds": ended.seconds,
        "cpu_seconds": ended.cpu_seconds,
        "max_memory_mib": ended.max_memory_mib,
        "origin-task": ended.origin if isinstance(ended, TaskFinished) else None,
    }
    return [
        *found,
        *(Metadatum(name, str(value), over, name) for name, value in told.items() if value is not None),
    ]
