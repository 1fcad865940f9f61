"""Questions to the index: which runs, and plain SQL."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flowstone_client.where import parse_condition
from flowstone_datastore import SPUN_TAG, RunState
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from flowstone_client.client import Client
    from flowstone_client.index import Index


_IS_TAGGED = "(SELECT 1 FROM tags WHERE flow = runs.flow AND run_id = runs.run_id AND tag = ?)"


class InvalidQueryError(FlowstoneError, ValueError):
    """Some SQL that the index cannot answer."""

    def __init__(self, sql: str, reason: str) -> None:
        super().__init__(sql, reason)
        self.sql = sql
        self.reason = reason

    def __str__(self) -> str:
        tables = "runs, tags, tasks, artifacts and parameters"
        return f"{self.sql!r:.200} cannot be answered: {self.reason}; it must be one SELECT over {tables}"


class InvalidStateError(FlowstoneError, ValueError):
    """A word that is not the state of a run."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return f"a run is never {self.state!r}; write one of {', '.join(state.value for state in RunState)}"


def find_runs(
    index: "Index",
    flow: str,
    *,
    tags: Iterable[str] = (),
    state: RunState | str | None = None,
    where: str | None = None,
    limit: int | None = None,
) -> list[str]:
    """The ids of the runs of a flow for which all of this holds, newest first; `limit` at most.

    Raises:
        InvalidConditionError: `where` cannot be understood.
        InvalidStateError: a run is never in such a state.
    """
    sql, values = ["SELECT run_id FROM runs WHERE flow = ?"], [flow]
    wanted = list(tags)
    for tag in wanted:
        sql.append(f"AND EXISTS {_IS_TAGGED}")
        values.append(tag)
    if SPUN_TAG not in wanted:
        sql.append(f"AND NOT EXISTS {_IS_TAGGED}")
        values.append(SPUN_TAG)
    if state is not None:
        sql.append("AND state = ?")
        values.append(_state(state).value)
    if where is not None:
        condition = parse_condition(where)
        sql.append(f"AND {condition.sql}")
        values.extend(condition.values)
    sql.append("ORDER BY run_id DESC LIMIT ?")
    _, rows = index.query([flow], " ".join(sql), [*values, -1 if limit is None else limit])
    return [run_id for (run_id,) in rows]


def _state(state: RunState | str) -> RunState:
    try:
        return RunState(state)
    except ValueError:
        raise InvalidStateError(str(state)) from None


def ask_sql(client: "Client", sql: str, values: Sequence[Any] = ()) -> Any:
    """What `Client.sql` returns."""
    try:
        columns, rows = client.index.query([*client.datastore.flows()], sql, values)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise InvalidQueryError(sql, str(error)) from error
    try:
        import pandas as pd
    except ImportError:
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return pd.DataFrame(rows, columns=columns)
