"""One Parquet file: what of it is needed, and how that becomes a table."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from flowstone_datastore.s3.bulk import note
from flowstone_datastore.s3.errors import S3ObjectReplacedError
from flowstone_datastore.s3.folder_bucket import FolderBucket
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.tables.errors import TableFormatError
from flowstone_datastore.tables.finding import TableFile
from flowstone_datastore.tables.sparse import Tail, coalesced, read_sparse, read_tails

PIECE_BYTES = 16 * 1024 * 1024
"""Small row groups are fetched and decoded together, up to so many stored bytes."""
_MAGIC = b"PAR1"
_SLACK_BYTES = 100
"""Old writers forget to count the header of a dictionary (PARQUET-816)."""
_END_BYTES = 8
"""Four bytes say how long the footer is, four are the magic."""


@attrs.frozen(slots=False)
class ParquetFile:
    """A file whose footer is here."""

    file: TableFile
    tail: Tail
    metadata: pq.FileMetaData

    @cached_property
    def schema(self) -> pa.Schema:
        """Of the columns in the file."""
        return self.metadata.schema.to_arrow_schema()

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the columns in the file."""
        return frozenset(self.schema.names)


@attrs.frozen
class Piece:
    """Some row groups of a file, and which of its columns are read."""

    source: ParquetFile
    row_groups: tuple[int, ...]
    columns: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    rows: int
    stored_bytes: int

    def fetch(self, patience: Patience) -> pa.NativeFile:
        """The file, as far as the piece needs it; one of this machine is read when it is decoded."""
        place = self.source.file.place
        if isinstance(place.bucket, FolderBucket):
            with _told(self.source):
                return pa.OSFile(f"/{place.key}")
        return pa.BufferReader(read_sparse(place, self.source.tail, self.ranges, patience))

    def decode(self, file: pa.NativeFile, *, use_threads: bool) -> pa.Table:
        """The columns of the rows."""
        if not self.columns:
            return _rows(self.rows)
        with _told(self.source):
            return self._open(file).read_row_groups(
                list(self.row_groups), columns=list(self.columns), use_threads=use_threads
            )

    def batches(self, file: pa.NativeFile, rows: int) -> Iterator[pa.RecordBatch]:
        """The columns, so many rows at a time."""
        if not self.columns:
            yield from _rows(self.rows).to_batches(rows)
            return
        with _told(self.source):
            yield from self._open(file).iter_batches(
                rows, row_groups=list(self.row_groups), columns=list(self.columns), use_threads=True
            )

    def _open(self, file: pa.NativeFile) -> pq.ParquetFile:
        # A range has no sum of its own; pages have, if their writer gave them one, as `write_frame` does.
        return pq.ParquetFile(file, metadata=self.source.metadata, page_checksum_verification=True)


def open_parquet(files: Sequence[TableFile], patience: Patience) -> list[ParquetFile]:
    """Read the footers of files, all at once.

    Raises:
        TableFormatError: one of them is no Parquet file.
        StorageError: one of them cannot be had.
    """
    if not files:
        return []
    tails = read_tails(files, patience)
    found = []
    for file, tail in zip(files, tails, strict=True):
        needed = _footer_bytes(file, tail)
        if needed > len(tail.data):
            pinned = attrs.evolve(file, etag=tail.head.etag)
            (tail,) = read_tails([pinned], patience, needed)  # noqa: PLW2901 - the same, longer
        try:
            metadata = pq.read_metadata(pa.BufferReader(_closed(tail, needed)))
        except (pa.ArrowException, OSError) as error:
            raise _meaning(file, error) from error
        found.append(ParquetFile(file, tail, metadata))
    return found


def pieces_of(source: ParquetFile, columns: Sequence[str], where: ds.Expression | None) -> list[Piece]:
    """What must be read of a file; row groups in which, by their statistics, no row can be wanted are left out."""
    groups = _wanted_groups(source, where)
    by_column = _leaves(source.metadata, columns)
    pieces: list[Piece] = []
    for group in groups:
        row_group = source.metadata.row_group(group)
        ranges = [_range(row_group.column(leaf)) for leaf in by_column]
        stored = sum([stop - start for start, stop in ranges])
        last = pieces[-1] if pieces else None
        if last is not None and last.stored_bytes + stored <= PIECE_BYTES:
            pieces[-1] = attrs.evolve(
                last,
                row_groups=(*last.row_groups, group),
                ranges=(*last.ranges, *ranges),
                rows=last.rows + row_group.num_rows,
                stored_bytes=last.stored_bytes + stored,
            )
        else:
            pieces.append(Piece(source, (group,), tuple(columns), tuple(ranges), row_group.num_rows, stored))
    return pieces


def note_read(source: ParquetFile, pieces: Sequence[Piece]) -> None:
    """Keep with the running task what was read of a file."""
    spans = coalesced([part for piece in pieces for part in piece.ranges])
    count = len(source.tail.data) + sum([stop - start for start, stop in spans])
    note("read", source.file.place.bucket, source.tail.head, min(count, source.tail.head.size))


def _wanted_groups(source: ParquetFile, where: ds.Expression | None) -> Sequence[int]:
    if where is None:
        return range(source.metadata.num_row_groups)
    # pyarrow knows what statistics exclude. It is shown the footer; a file of zeros stands before that.
    schema = source.schema
    fragment = ds.ParquetFileFormat().make_fragment(_closed(source.tail, _footer_bytes(source.file, source.tail)))
    with _told(source):
        split = fragment.split_by_row_group(filter=where, schema=schema)
    return [group.id for part in split for group in part.row_groups]


def _closed(tail: Tail, footer: int) -> pa.Buffer:
    """A file of a magic and a footer: all that is looked at before data are."""
    return pa.py_buffer(_MAGIC + bytes(tail.data[-footer:]))


def _footer_bytes(file: TableFile, tail: Tail) -> int:
    """From where the footer begins to the end of the file."""
    end = bytes(tail.data[-_END_BYTES:])
    if len(end) < _END_BYTES or end[4:] != _MAGIC:
        detail = f"it has {tail.head.size} bytes, and does not end with {_MAGIC.decode()}"
        raise TableFormatError(file.url, "parquet", detail)
    needed = int.from_bytes(end[:4], "little") + _END_BYTES
    if needed > tail.head.size:
        raise TableFormatError(
            file.url, "parquet", "its footer is said to be longer than the file: it is cut short"
        )
    return needed


def _leaves(metadata: pq.FileMetaData, columns: Sequence[str]) -> list[int]:
    """The stored columns that make these columns: of a nested one, several."""
    paths = [metadata.schema.column(leaf).path for leaf in range(metadata.num_columns)]
    wanted = set(columns)
    prefixes = tuple(f"{name}." for name in columns)
    return [leaf for leaf, path in enumerate(paths) if path in wanted or path.startswith(prefixes)]


def _range(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    start, dictionary = column.data_page_offset, column.dictionary_page_offset
    if column.has_dictionary_page and dictionary:  # some writers say 0 for none
        start = min(start, dictionary)
    return start, start + column.total_compressed_size + _SLACK_BYTES


def _rows(count: int) -> pa.Table:
    """So many rows of nothing: what is wanted stands in the names of folders."""
    return pa.table({"": pa.nulls(count)})


class _told:  # noqa: N801 - a context manager, read as a verb
    """Say of which file pyarrow complains; or that it is another one by now, which of S3 is known before."""

    def __init__(self, source: ParquetFile) -> None:
        self._source = source

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        """Translate what came out of the body."""
        if error is not None and not isinstance(error, pa.ArrowException | OSError):
            return
        place, head = self._source.file.place, self._source.tail.head
        if isinstance(place.bucket, FolderBucket) and place.bucket.head(place.key, 0).etag != head.etag:
            raise S3ObjectReplacedError(self._source.file.url) from error
        if error is not None:
            raise _meaning(self._source.file, error) from error


def _meaning(file: TableFile, error: BaseException) -> TableFormatError:
    return TableFormatError(file.url, "parquet", str(error).partition("\n")[0])
