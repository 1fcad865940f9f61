"""`read_frame`: a table into memory, decoded on all cores while more of it is on its way."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pyarrow as pa

from flowstone_datastore.s3.errors import S3ObjectReplacedError
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Reach
from flowstone_datastore.s3_settings import S3Connection
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_datastore.tables.conditions import Where
from flowstone_datastore.tables.conversion import Kind, checked_kind, frame_of
from flowstone_datastore.tables.finding import TableFile
from flowstone_datastore.tables.parquet import Piece
from flowstone_datastore.tables.query import Query, open_query
from flowstone_datastore.tables.whole_files import table_in

_T = TypeVar("_T")
_TRIES = 20
"""So often a table may be replaced while it is read."""
_WAITING = 2
"""So many more pieces are on their way than are decoded: while one thread waits for bytes, another has some."""


def read_frame(
    url: "str | os.PathLike[str]",
    columns: Sequence[str] | None = None,
    where: Where = None,
    *,
    to: Kind = "pandas",
    file_format: str | None = None,
    connection: S3Connection | None = None,
    connections: int | None = None,
    patience_seconds: float = 120.0,
    deadline_seconds: float | None = None,
) -> Any:
    """Read a table: a file, or a folder of files with or without `column=value` in the names of its folders.

    Of Parquet, only the wanted columns of those row groups are fetched in which rows may be wanted; of Arrow IPC
    (Feather V2), only the wanted columns; CSV files are fetched whole.

    Args:
        url: `s3://bucket/table/` (with `?region=...&endpoint_url=...&anonymous=true` where need be), `file:///...`,
            `memory://...`, or a path.
        columns: Those that are wanted, in this order; all, if it is not given.
        where: Which rows: `"year >= 2020 and country in ['FI', 'SE']"`, filters as pyarrow takes them, or an
            expression of `pyarrow.dataset`.
        to: `pandas`, `arrow` (a `pyarrow.Table`) or `polars`.
        file_format: `parquet`, `arrow` or `csv`; told by the names of the files, if it is not given.
        connection: How S3 is reached, for URLs that do not say it.
        connections: How many requests at once, at most.
        patience_seconds: So long a request may bring nothing, however often it is tried again.
        deadline_seconds: So long the call may take.

    Raises:
        NoTableError, TableFormatError, UnknownColumnError, InvalidWhereError, MixedSchemasError: see there.
        StorageError: the place could not be read; the error names the object and says what to do.
    """
    checked_kind(to)
    until = float("inf") if deadline_seconds is None else time.monotonic() + deadline_seconds
    for left in range(_TRIES, 0, -1):
        try:
            query = open_query(
                os.fspath(url),
                columns,
                where,
                file_format=file_format,
                keeps_index=to == "pandas",
                reach=Reach(connection or S3Connection(), connections),
                patience=Patience(patience_seconds, until),
            )
            return frame_of(_read(query), to)
        except (ObjectNotFoundError, S3ObjectReplacedError):
            if left == 1:
                raise
    raise AssertionError("the last try returns or raises")


def _read(query: Query) -> pa.Table:
    """All rows that are wanted, in the order of the files."""
    if query.found.file_format == "parquet":
        pieces = query.pieces()
        is_narrow = len(pieces) < (os.cpu_count() or 1)
        tables = _in_threads(lambda piece: _load_piece(query, piece, use_threads=is_narrow), pieces)
    else:
        tables = _in_threads(lambda file: _load_file(query, file), query.files)
    return pa.concat_tables(tables) if tables else query.result.empty_table()


def _load_piece(query: Query, piece: Piece, *, use_threads: bool) -> pa.Table:
    table = piece.decode(piece.fetch(query.patience), use_threads=use_threads)
    return query.answer(table, piece.source.file)


def _load_file(query: Query, file: TableFile) -> pa.Table:
    return query.answer(table_in(query.data(file), file, query.found.file_format, query.needed), file)


def _in_threads(load: Callable[[_T], pa.Table], jobs: Sequence[_T]) -> list[pa.Table]:
    if len(jobs) <= 1:
        return [*map(load, jobs)]
    with ThreadPoolExecutor(min(len(jobs), (os.cpu_count() or 1) + _WAITING)) as pool:
        return [*pool.map(load, jobs)]
