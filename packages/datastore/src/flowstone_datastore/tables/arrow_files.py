"""An Arrow IPC file elsewhere of which some columns are wanted: those alone are fetched."""

from collections.abc import Sequence

import attrs
import pyarrow as pa

from flowstone_datastore.s3.bulk import note
from flowstone_datastore.s3.folder_bucket import FolderBucket
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.tables.arrow_layout import (
    END_BYTES,
    Block,
    Footer,
    UnknownLayoutError,
    batch_head_of,
    footer_bytes,
    footer_of,
    ranges_of,
)
from flowstone_datastore.tables.finding import TableFile
from flowstone_datastore.tables.sparse import WHOLE_BYTES, SparseObject, Tail, read_tails


@attrs.frozen
class ArrowFile:
    """A file whose footer is here."""

    file: TableFile
    tail: Tail
    schema: pa.Schema
    footer: Footer


def open_arrow(file: TableFile, patience: Patience) -> ArrowFile | None:
    """Read a file's footer; `None` if nothing is gained by it: the file is small, is on this machine, or unusual.

    Raises:
        StorageError: it cannot be had.
    """
    is_small = file.size is not None and file.size <= WHOLE_BYTES
    if is_small or isinstance(file.place.bucket, FolderBucket):
        return None
    (tail,) = read_tails([file], patience)
    needed = _footer_bytes(tail)
    if needed is None or tail.start == 0:
        return None
    if needed > len(tail.data):
        (tail,) = read_tails([attrs.evolve(file, etag=tail.head.etag)], patience, needed)
    try:
        footer = footer_of(bytes(tail.data), tail.head.size)
        # Only the end of a file is looked at to learn its schema.
        with pa.ipc.open_file(pa.BufferReader(pa.py_buffer(SparseObject(file.place, tail).memory))) as reader:
            return ArrowFile(file, tail, reader.schema, footer)
    except (UnknownLayoutError, pa.ArrowException, OSError):
        return None  # it is read as a whole, and if it is no such file, that is said then


def read_columns(source: ArrowFile, columns: Sequence[str], patience: Patience) -> pa.Buffer | None:
    """The file with the bytes of these columns and of all dictionaries, and zeros elsewhere.

    `None` if the file must be read as a whole: its data are laid out in a way that is not known here.

    Raises:
        StorageError: they cannot be had; `S3ObjectReplacedError` if the object is another one by now.
    """
    place, footer = source.file.place, source.footer
    found = SparseObject(place, source.tail)
    heads = [(block.start, block.body) for block in footer.batches]
    count = found.fetch([*heads, *[(block.start, block.stop) for block in footer.dictionaries]], patience)
    try:
        ranges = [part for block in footer.batches for part in _ranges(found, block, source.schema, columns)]
    except UnknownLayoutError:
        return None
    count += found.fetch(ranges, patience)
    size = source.tail.head.size
    note("read", place.bucket, source.tail.head, min(size, count + len(source.tail.data)))
    return pa.py_buffer(found.memory)


def is_compressed(data: pa.Buffer) -> bool:
    """True if the batches of a file are: then each column that is made costs, wanted or not."""
    view = memoryview(data)
    try:
        needed = footer_bytes(bytes(view[-END_BYTES:]), len(view))
        batches = footer_of(bytes(view[-needed:]), len(view)).batches
        return bool(batches) and batch_head_of(bytes(view[batches[0].start : batches[0].body])).is_compressed
    except UnknownLayoutError:
        return False


def _footer_bytes(tail: Tail) -> int | None:
    try:
        return footer_bytes(bytes(tail.data[-END_BYTES:]), tail.head.size)
    except UnknownLayoutError:
        return None


def _ranges(found: SparseObject, block: Block, schema: pa.Schema, columns: Sequence[str]) -> list[tuple[int, int]]:
    head = batch_head_of(bytes(found.memory[block.start : block.body]))
    return ranges_of(head, block, schema, columns)
