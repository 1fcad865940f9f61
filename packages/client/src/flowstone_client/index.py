"""An index of all runs of a store: derived from the journals, never needed, deleted without harm.

A SQLite file on this machine. Whoever asks brings it up to date first, by looking only at runs that are new,
that have not ended, or whose tags somebody has changed.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from flowstone_client.growing_journal import GrowingJournal
from flowstone_client.index_rows import SCHEMA, SCHEMA_VERSION, TABLES, RunRows, rows_of
from flowstone_datastore import Datastore, OpensFiles, RunSummary, address_of, is_alive, tag_hints
from flowstone_interfaces import FlowstoneError

_logger = logging.getLogger(__name__)

_WAIT_SECONDS = 60.0
_BATCH = 500
_AT_ONCE = 16

T = TypeVar("T")


class Index:
    """The index of one store, in a file of a folder that processes share; in memory if that cannot be written.

    May be used from any thread.
    """

    def __init__(self, datastore: Datastore, folder: str | Path) -> None:
        self._datastore = datastore
        self._folder = Path(folder)
        self._lock = threading.RLock()
        self._memory: sqlite3.Connection | None = None
        self._open_journals: dict[tuple[str, str], GrowingJournal] = {}

    def file(self) -> Path:
        """Where the index is, or would be: a name made of the store's URL and of when it was made."""
        made = self._datastore.storage.status("flowstone.json").modified
        name = address_of(f"{self._datastore.url}\n{made!r}".encode())
        return self._folder / f"{name[:32]}.sqlite"

    def query(
        self, flows: Sequence[str], sql: str, values: Sequence[Any] = ()
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Bring what concerns these flows up to date, then ask: the columns and the rows.

        The question can only read.

        Raises:
            sqlite3.Error: it is no SQL, or wants to write.
        """

        def ask(database: sqlite3.Connection) -> tuple[list[str], list[tuple[Any, ...]]]:
            for flow in flows:
                self._refresh(database, flow)
            return _ask(database, sql, values)

        return self._with_database(ask)

    # The file

    def _with_database(self, use: Callable[[sqlite3.Connection], T]) -> T:
        """What `use` makes of the database; a damaged one is made anew, once."""
        with self._lock:
            try:
                with self._database() as database:
                    return use(database)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _logger.warning("the index %s is damaged (%s); it is made anew", self.file(), error)
                self._remove()
            with self._database() as database:
                return use(database)

    def _remove(self) -> None:
        file = self.file()
        for path in (file, file.with_name(f"{file.name}-journal")):
            with suppress(FileNotFoundError):
                path.unlink()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        if self._memory is not None:
            yield self._memory
            return
        file = self.file()
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            database = _connect(str(file))
        except (OSError, sqlite3.OperationalError) as error:
            _logger.warning("the index %s cannot be written (%s); it is kept in memory", file, error)
            self._memory = _connect(":memory:")
            _prepare(self._memory)
            yield self._memory
            return
        try:
            _prepare(database)
            yield database
        finally:
            database.close()

    # What is in it

    def _refresh(self, database: sqlite3.Connection, flow: str) -> None:
        """Look at what may have changed of a flow's runs."""
        hints = dict(tag_hints(self._datastore.storage, flow))
        seen = {name for (name,) in database.execute("SELECT name FROM hints WHERE flow = ?", (flow,))}
        listed = list(self._datastore.run_ids(flow))
        settled, going = _known(database, flow, 1), _known(database, flow, 0)
        changed = {run_id for name, run_id in hints.items() if name not in seen}
        wanted = [*(set(listed) - (settled - changed))]
        gone = (settled | going).difference(listed)
        new_hints = [(flow, name) for name in hints if name not in seen]
        if gone or not wanted:
            self._write(database, flow, [], gone, new_hints)
        for start in range(0, len(wanted), _BATCH):
            read = self._read_many(flow, wanted[start : start + _BATCH])
            is_last = start + _BATCH >= len(wanted)
            self._write(database, flow, read, (), new_hints if is_last else ())

    def _read_many(self, flow: str, run_ids: Sequence[str]) -> list[RunRows]:
        """What the index is to know of runs that have begun; of a store that is far away, many at a time."""
        if len(run_ids) == 1 or isinstance(self._datastore.storage, OpensFiles):
            return [rows for run_id in run_ids if (rows := self._read(flow, run_id))]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [rows for rows in pool.map(partial(self._read, flow), run_ids) if rows]

    def _read(self, flow: str, run_id: str) -> RunRows | None:
        """What the index is to know of a run; `None` if it has not begun."""
        key = (flow, run_id)
        journal = self._open_journals.get(key) or GrowingJournal(self._datastore.journal(flow, run_id))
        now = time.time()
        try:
            summary = RunSummary.of(journal.records(), now=now, is_alive=is_alive)
            if summary is None:
                return None
            rows = rows_of(self._datastore, summary, journal.size, now)
        except FlowstoneError as error:  # one damaged run must not hide all others
            _logger.warning("%s/%s is left out of the index: %s", flow, run_id, error)
            return None
        if summary.ended is None:
            self._open_journals[key] = journal
        else:
            self._open_journals.pop(key, None)
        return rows

    def _write(
        self,
        database: sqlite3.Connection,
        flow: str,
        runs: Sequence[RunRows],
        gone: "Sequence[str] | set[str]",
        hints: Sequence[tuple[str, str]],
    ) -> None:
        if not runs and not gone and not hints:
            return
        database.execute("BEGIN IMMEDIATE")
        try:
            for run_id in gone:
                _forget(database, flow, run_id)
            for run in runs:
                _remember(database, run)
            database.executemany("INSERT OR IGNORE INTO hints VALUES (?, ?)", hints)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")


def _known(database: sqlite3.Connection, flow: str, is_settled: int) -> set[str]:
    """The ids of a flow's runs; as one text, since ten thousand rows take longer than all else."""
    query = "SELECT group_concat(run_id, '/') FROM runs WHERE flow = ? AND is_settled = ?"
    joined: str | None = database.execute(query, (flow, is_settled)).fetchone()[0]
    return set(joined.split("/")) if joined else set()


def _connect(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA synchronous = OFF")  # what a power cut takes is made anew
    return database


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables, unless they are there in this very form."""
    if _version(database) == SCHEMA_VERSION:
        return
    database.execute("BEGIN EXCLUSIVE")
    try:
        if _version(database) != SCHEMA_VERSION:
            names = database.execute(
                "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')"
            ).fetchall()
            for kind, name in names:
                database.execute(f'DROP {kind} "{name}"')
            for statement in SCHEMA.splitlines():
                database.execute(statement)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _forget(database: sqlite3.Connection, flow: str, run_id: str) -> None:
    for table in TABLES:
        database.execute(f"DELETE FROM {table} WHERE flow = ? AND run_id = ?", (flow, run_id))  # noqa: S608 - our names


def _remember(database: sqlite3.Connection, run: RunRows) -> None:
    """Put a run in, unless another process has put in one that knows more."""
    key = (run.flow, run.run_id)
    known = database.execute("SELECT size FROM runs WHERE flow = ? AND run_id = ?", key).fetchone()
    if known is not None and known[0] > run.size:
        return
    _forget(database, *key)
    for table, columns in TABLES.items():
        marks = ", ".join("?" * (2 + columns.count(",") + 1))
        rows = [(*key, *row) for row in run.rows[table]]
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our names


def _ask(database: sqlite3.Connection, sql: str, values: Sequence[Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

    def may(action: int, *names: str | None) -> int:
        is_loading = action == sqlite3.SQLITE_FUNCTION and "load_extension" in names
        return sqlite3.SQLITE_OK if action in allowed and not is_loading else sqlite3.SQLITE_DENY

    database.set_authorizer(may)
    try:
        cursor = database.execute(sql, values)
        rows = cursor.fetchall()
    finally:
        database.set_authorizer(_allow)  # `None` would forbid all in Python 3.10
    return [column[0] for column in cursor.description or ()], rows


def _allow(*_: object) -> int:
    return sqlite3.SQLITE_OK


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    name = getattr(error, "sqlite_errorname", None)
    if name is None:  # Python 3.10 has SQLite's words only
        return any(words in str(error) for words in ("not a database", "malformed"))
    return name in ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT_INDEX")
