"""`write_frame`: a frame into one file, or into a folder of files that is the new table at once."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from flowstone_datastore.s3.bucket import ObjectHead, PutHead
from flowstone_datastore.s3.bulk import note
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Place, Reach, place_of, url_of_path
from flowstone_datastore.s3.sending import MemorySource, Send, Sent
from flowstone_datastore.s3_settings import S3Connection
from flowstone_datastore.tables.conversion import table_of
from flowstone_datastore.tables.errors import MixedSchemasError, NoFrameError, TableExistsError, UnknownColumnError
from flowstone_datastore.tables.finding import NULL_PARTITION, checked_format, format_of_name, read_manifest
from flowstone_datastore.tables.manifest import MANIFEST, Manifest

FILE_BYTES = 256 * 1024 * 1024
"""Of a frame in memory: what goes into one file of a folder."""
ROW_GROUP_BYTES = 64 * 1024 * 1024
"""Of a frame in memory: what goes into one row group. Readers fetch and decode them side by side."""
_SUFFIX = {"parquet": ".parquet", "arrow": ".arrow", "csv": ".csv"}


def write_frame(
    frame: Any,
    url: "str | os.PathLike[str]",
    *,
    partition_by: Sequence[str] = (),
    file_format: str | None = None,
    overwrite: bool = True,
    connection: S3Connection | None = None,
    connections: int | None = None,
    patience_seconds: float = 120.0,
) -> str:
    """Write a pandas or polars frame, a `pyarrow.Table`, or record batches one after the other; the URL.

    A URL that ends like a file (`.parquet`, `.arrow`, `.csv`) becomes that file, at once. Any other becomes a
    folder of files and a list of them, `_flowstone_table.json`: `read_frame` and `scan_frame` see the old table
    until the list is written, and the new one from then on. Other readers see the files. With `partition_by`,
    folders are named `column=value`, as Hive, Spark and pyarrow do it.

    Args:
        frame: What is written. Of record batches, as `scan_frame` gives them, a file's are held in memory.
        url: `s3://bucket/table/`, `file:///...`, `memory://...`, or a path.
        partition_by: Columns whose values become folders.
        file_format: `parquet` (the default), `arrow` or `csv`.
        overwrite: Without it, a table that is there stays, and that is an error.
        connection: How S3 is reached, for URLs that do not say it.
        connections: How many requests at once, at most.
        patience_seconds: So long a request may bring nothing, however often it is tried again.

    Raises:
        NoFrameError: it is no frame, or holds what Arrow cannot.
        UnknownColumnError: a column of `partition_by` is not there.
        MixedSchemasError: of several batches, one has other columns than the first.
        TableExistsError: something is there that is not to be written over.
        StorageError: it could not be written; a table that was there is as it was.
    """
    shown = os.fspath(url)
    place = place_of(url_of_path(shown), Reach(connection or S3Connection(), connections))
    named = format_of_name(place.key)
    writer = _Writer(
        shown,
        place,
        checked_format(file_format) or named or "parquet",
        tuple(partition_by),
        overwrite,
        Patience(patience_seconds),
    )
    tables = _tables(frame, shown)
    if named is not None and not partition_by:
        writer.write_file(tables)
    else:
        folder = place if not place.key or place.key.endswith("/") else attrs.evolve(place, key=f"{place.key}/")
        attrs.evolve(writer, place=folder).write_folder(tables)
    return place.bucket.url + place.key


@attrs.frozen
class _Writer:
    url: str
    place: Place
    file_format: str
    partition_by: tuple[str, ...]
    overwrite: bool
    patience: Patience

    def write_file(self, tables: Iterator[pa.Table]) -> None:
        table = pa.concat_tables([*tables])
        self._publish(self.place.key, _encoded(table, self.file_format), "a file")

    def write_folder(self, tables: Iterator[pa.Table]) -> None:
        before = read_manifest(self.place, self.patience)
        self._check_free(before)
        written: list[tuple[str, int]] = []
        schema = None
        name = os.urandom(6).hex()
        try:
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                for table in tables:
                    schema = table.schema if schema is None else schema
                    parts = [
                        (f"{folder}part-{name}-{number:05}{_SUFFIX[self.file_format]}", part)
                        for number, (folder, part) in enumerate(self._parts(table), len(written))
                    ]
                    written += pool.map(self._write_part, parts)
            assert schema is not None, "there is a table, if an empty one"
            manifest = Manifest(self.file_format, tuple(written), schema)
            self._publish(self.place.key + MANIFEST, pa.py_buffer(manifest.to_json()), "a table")
        except BaseException:
            self._delete([key for key, _ in written])
            raise
        self._delete([key for key, _ in before.files] if before else [])

    def _check_free(self, before: Manifest | None) -> None:
        if before is not None:
            if not self.overwrite:
                raise TableExistsError(self.url, "a table")
            return
        for line in self.place.bucket.list(self.place.key, is_recursive=True):
            name = line.key[len(self.place.key) :]
            if format_of_name(name) is not None:
                raise TableExistsError(self.url, f"{name!r}, which no list of a table names")

    def _parts(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Folder and content of each file that a table becomes; an empty one is one file, for other readers."""
        for folder, rows in self._partitions(table) if self.partition_by else [("", table)]:
            most = _rows_of(rows, FILE_BYTES)
            for start in range(0, max(1, rows.num_rows), most):
                yield folder, rows.slice(start, most)

    def _partitions(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        for name in self.partition_by:
            if name not in table.column_names:
                raise UnknownColumnError(self.url, name, table.column_names)
        keys = table.select(list(self.partition_by)).append_column("", pa.array(range(table.num_rows)))
        groups = keys.group_by(list(self.partition_by), use_threads=False).aggregate([("", "list")])
        rest = table.drop_columns(list(self.partition_by))
        for group in groups.to_pylist():
            folders = [f"{quote(name, safe='')}={_text(group[name])}/" for name in self.partition_by]
            yield "".join(folders), rest.take(pa.array(group["_list"], pa.int64()))

    def _write_part(self, part: tuple[str, pa.Table]) -> tuple[str, int]:
        key, table = part
        data = _encoded(table, self.file_format)
        self._send(self.place.key + key, data)
        return key, data.size

    def _publish(self, key: str, data: pa.Buffer, what: str) -> None:
        if self._send(key, data, is_only_new=not self.overwrite) is None:
            raise TableExistsError(self.url, what)

    def _send(self, key: str, data: pa.Buffer, *, is_only_new: bool = False) -> ObjectHead | None:
        sent = Sent(key, MemorySource(memoryview(data)), PutHead(is_only_new=is_only_new))
        (head,) = Send(self.place.bucket, self.place.pace, self.patience).run([sent])
        if head is not None:
            note("written", self.place.bucket, head, head.size)
        return head

    def _delete(self, keys: Sequence[str]) -> None:
        if keys:
            self.place.bucket.delete([self.place.key + key for key in keys])


def _tables(frame: Any, url: str) -> Iterator[pa.Table]:
    """The frame; of batches one after the other, as many as a file holds, together."""
    if not isinstance(frame, Iterator | list | tuple | pa.RecordBatchReader):
        yield table_of(frame)
        return
    waiting: list[pa.Table] = []
    schema = None
    for batch in frame:
        table = table_of(batch)
        schema = table.schema if schema is None else schema
        if not table.schema.equals(schema):
            name = next((a.name for a, b in zip(schema, table.schema, strict=False) if a != b), schema.names[-1])
            raise MixedSchemasError(url, name, "the batches differ")
        waiting.append(table)
        if sum([each.nbytes for each in waiting]) >= FILE_BYTES:
            yield pa.concat_tables(waiting)
            waiting = []
    if schema is None:
        raise NoFrameError(
            "there is no batch, so nobody knows the columns", "give at least one, if it has no rows"
        )
    if waiting:
        yield pa.concat_tables(waiting)


def _encoded(table: pa.Table, file_format: str) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    if file_format == "parquet":
        rows = _rows_of(table, ROW_GROUP_BYTES)
        pq.write_table(
            table, sink, row_group_size=rows, compression="zstd", compression_level=1, write_page_checksum=True
        )
    elif file_format == "arrow":
        whole = table.combine_chunks().unify_dictionaries()  # one batch: a reader copies nothing
        with pa.ipc.new_file(sink, whole.schema) as writer:
            writer.write_table(whole)
    else:
        csv.write_csv(table, sink)
    return sink.getvalue()


def _rows_of(table: pa.Table, most_bytes: int) -> int:
    """How many rows have about so many bytes."""
    return max(1, int(table.num_rows * most_bytes / max(1, table.nbytes)))


def _text(value: Any) -> str:
    return NULL_PARTITION if value is None else quote(str(value), safe="")
