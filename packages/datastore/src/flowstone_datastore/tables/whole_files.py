"""Files that are fetched from their beginning to their end: Arrow IPC (Feather V2), and CSV."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv

from flowstone_datastore.tables.errors import TableFormatError
from flowstone_datastore.tables.finding import TableFile

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def schema_of(data: pa.Buffer, file: TableFile, file_format: str) -> pa.Schema:
    """The columns of a file; of CSV, with the types that its first block suggests.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        with _opened(data, file, file_format) as reader:
            return reader.schema
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def table_in(data: pa.Buffer, file: TableFile, file_format: str) -> pa.Table:
    """All of a file. Of Arrow that is not compressed, the memory is the file's own: nothing is copied.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        if file_format == "csv":
            return csv.read_csv(_unpacked(data, file))
        with _opened(data, file, file_format) as reader:
            return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def batches_in(data: pa.Buffer, file: TableFile, file_format: str, rows: int) -> Iterator[pa.RecordBatch]:
    """A file's rows, at most so many at a time, as they are read.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        with _opened(data, file, file_format) as reader:
            found = reader if file_format == "csv" else map(reader.get_batch, range(reader.num_record_batches))
            for batch in found:
                yield from pa.Table.from_batches([batch]).to_batches(rows)
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def _opened(
    data: pa.Buffer, file: TableFile, file_format: str
) -> "pa.ipc.RecordBatchFileReader | csv.CSVStreamingReader":
    return (
        pa.ipc.open_file(pa.BufferReader(data)) if file_format == "arrow" else csv.open_csv(_unpacked(data, file))
    )


def _unpacked(data: pa.Buffer, file: TableFile) -> pa.NativeFile:
    suffix = file.place.key.lower()[file.place.key.rfind(".") :]
    return pa.input_stream(pa.BufferReader(data), compression=_COMPRESSIONS.get(suffix))


def _told(error: Exception, file: TableFile, file_format: str) -> TableFormatError:
    return TableFormatError(file.url, file_format, str(error).partition("\n")[0])
