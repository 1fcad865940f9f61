"""`scan_frame`: a table that does not fit in memory, batch by batch."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Reach
from flowstone_datastore.s3_settings import S3Connection
from flowstone_datastore.tables.conditions import Where
from flowstone_datastore.tables.conversion import Kind, checked_kind, frame_of
from flowstone_datastore.tables.parquet import Piece
from flowstone_datastore.tables.query import Query, open_query
from flowstone_datastore.tables.whole_files import batches_in

BATCH_ROWS = 128 * 1024
MEMORY_BYTES = 256 * 1024 * 1024
_FETCHERS = 4


def scan_frame(
    url: "str | os.PathLike[str]",
    columns: Sequence[str] | None = None,
    where: Where = None,
    *,
    to: Kind = "arrow",
    batch_rows: int = BATCH_ROWS,
    memory_bytes: int = MEMORY_BYTES,
    file_format: str | None = None,
    connection: S3Connection | None = None,
    connections: int | None = None,
    patience_seconds: float = 120.0,
) -> Iterator[Any]:
    """Read a table in batches of at most `batch_rows` rows, each with at least one.

    Of Parquet, `memory_bytes` bound what is fetched and not decoded yet, as it is stored; one row group is held in
    any case, and one batch, decoded. Of Arrow IPC and CSV, one file is held. What is asked wrong is said at the
    first batch.

    Args:
        url: As for `read_frame`, as are `columns`, `where`, `file_format`, `connection` and `connections`.
        columns: See there.
        where: See there.
        to: `arrow` (each batch is a `pyarrow.RecordBatch`), `pandas` or `polars`.
        batch_rows: So many rows at a time, at most.
        memory_bytes: So many bytes are fetched ahead, at most.
        file_format: See there.
        connection: See there.
        connections: See there.
        patience_seconds: So long a request may bring nothing, however often it is tried again.

    Raises:
        NoTableError, TableFormatError, UnknownColumnError, InvalidWhereError, MixedSchemasError: see there.
        StorageError: as for `read_frame`; also if the table is replaced meanwhile (`S3ObjectReplacedError`).
    """
    checked_kind(to)
    query = open_query(
        os.fspath(url),
        columns,
        where,
        file_format=file_format,
        keeps_index=to == "pandas",
        reach=Reach(connection or S3Connection(), connections),
        patience=Patience(patience_seconds),
    )
    batches = _of_pieces if query.found.file_format == "parquet" else _of_files
    for batch in batches(query, batch_rows, memory_bytes):
        yield batch if to == "arrow" else frame_of(pa.Table.from_batches([batch]), to)


def _of_pieces(query: Query, rows: int, memory_bytes: int) -> Iterator[pa.RecordBatch]:
    pieces = deque(query.pieces())
    coming: deque[tuple[Piece, Future[pa.NativeFile]]] = deque()
    ahead = 0
    pool = ThreadPoolExecutor(_FETCHERS)
    try:
        while pieces or coming:
            while pieces and (not coming or ahead + pieces[0].stored_bytes <= memory_bytes):
                piece = pieces.popleft()
                ahead += piece.stored_bytes
                coming.append((piece, pool.submit(piece.fetch, query.patience)))
            piece, future = coming.popleft()
            for batch in piece.batches(future.result(), rows):
                yield from query.answer(pa.Table.from_batches([batch]), piece.source.file).to_batches(rows)
            ahead -= piece.stored_bytes
            del future  # and with it the bytes
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _of_files(query: Query, rows: int, _memory_bytes: int) -> Iterator[pa.RecordBatch]:
    for file in query.files:
        for batch in batches_in(query.data(file), file, query.found.file_format, query.needed, rows):
            yield from query.answer(pa.Table.from_batches([batch]), file).to_batches(rows)
