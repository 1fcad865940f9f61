"""What an index knows of a run, as rows of its tables: made of the journal alone, without unpickling anything."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from flowstone_datastore import (
    Artifact,
    Datastore,
    RunState,
    RunSummary,
    TaskFinished,
    plain_value,
)

SCHEMA_VERSION = 1

_LARGEST_INTEGER = 2**63 - 1

TABLES = {
    "runs": (
        "state TEXT, user TEXT, started REAL, ended REAL, message TEXT, origin_run TEXT, "
        "is_settled INTEGER, size INTEGER"
    ),
    "tags": "tag TEXT, is_system INTEGER",
    "tasks": "step TEXT, task TEXT, attempt INTEGER, state TEXT, started REAL, ended REAL, seconds REAL",
    "artifacts": "name TEXT, kind TEXT, type TEXT, size INTEGER, address TEXT, value",
}
"""Each table and its columns, behind `flow` and `run_id`, which all of them have first."""

_PARAMETERS = "SELECT flow, run_id, name, type, value FROM artifacts WHERE kind = 'parameter'"

SCHEMA = "\n".join(
    [
        *(f"CREATE TABLE {name} (flow TEXT, run_id TEXT, {columns});" for name, columns in TABLES.items()),
        "CREATE UNIQUE INDEX runs_by_id ON runs (flow, run_id);",
        "CREATE INDEX runs_by_end ON runs (flow, is_settled, run_id);",
        "CREATE INDEX tags_by_run ON tags (flow, run_id);",
        "CREATE INDEX tags_by_tag ON tags (flow, tag, run_id);",
        "CREATE INDEX tasks_by_run ON tasks (flow, run_id);",
        "CREATE INDEX artifacts_by_run ON artifacts (flow, run_id, name);",
        "CREATE TABLE hints (flow TEXT, name TEXT, PRIMARY KEY (flow, name)) WITHOUT ROWID;",
        f"CREATE VIEW parameters AS {_PARAMETERS};",
        f"PRAGMA user_version = {SCHEMA_VERSION};",
    ]
)

_LONGEST_SILENCE_SECONDS = 86_400.0


@attrs.frozen
class RunRows:
    """One run as rows."""

    flow: str
    run_id: str
    size: int
    """Bytes of its journal that were read: of two readers, the one that read more knows better."""
    rows: Mapping[str, tuple[tuple[Any, ...], ...]]
    """Table -> rows, without flow and run id."""


def rows_of(datastore: Datastore, summary: RunSummary, size: int, now: float) -> RunRows:
    """Everything that an index keeps of a run. `now` is UTC, seconds since 1970."""
    started = summary.started
    is_settled = summary.ended is not None or (
        summary.state is RunState.DIED and now - summary.last_sign > _LONGEST_SILENCE_SECONDS
    )
    message = summary.ended.message if summary.ended else ""
    run = (
        *(summary.state.value, started.user, started.time, summary.finished_at, message, started.origin_run),
        *(int(is_settled), size),
    )
    tags = (*((tag, 0) for tag in sorted(summary.tags)), *((tag, 1) for tag in started.system_tags))
    tables = {
        "runs": (run,),
        "tags": tags,
        "tasks": tuple(_tasks(summary)),
        "artifacts": tuple(_artifacts(datastore, summary)),
    }
    return RunRows(started.flow, started.run_id, size, tables)


def _tasks(summary: RunSummary) -> Iterator[tuple[Any, ...]]:
    for known in summary.tasks.values():
        began = known.started.time if known.started else None
        over = (known.ended.time, known.ended.seconds) if known.ended else (None, None)
        yield known.step, known.task, known.attempt, known.state.value, began, *over


def _artifacts(datastore: Datastore, summary: RunSummary) -> Iterator[tuple[Any, ...]]:
    """Parameters, and what the run ended with; if it has not, what its latest task outside of any foreach left."""
    started = summary.started
    named = {name: ("constant", artifact) for name, artifact in started.constants.items()}
    named |= {name: ("parameter", artifact) for name, artifact in started.parameters.items()}
    left = {name: ("artifact", artifact) for name, artifact in _latest_table(datastore, summary).items()}
    for name, (kind, artifact) in {**left, **named}.items():
        if not name.startswith("_"):
            yield name, kind, artifact.type, artifact.size, artifact.address, _value(artifact)


def _latest_table(datastore: Datastore, summary: RunSummary) -> Mapping[str, Artifact]:
    latest: TaskFinished | None = None
    for known in summary.tasks.values():
        is_in_foreach = known.started is not None and known.started.stack
        if isinstance(known.ended, TaskFinished) and not is_in_foreach:
            latest = known.ended if latest is None or known.ended.time >= latest.time else latest
    return {} if latest is None else datastore.tables.flatten(latest.artifacts)


def _value(artifact: Artifact) -> Any:
    value = plain_value(artifact)
    is_too_large = isinstance(value, int) and not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER
    return None if is_too_large else value
