"""Files that are read from their beginning to their end: Arrow IPC (Feather V2), and CSV."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import csv

from flowstone_datastore.tables.arrow_files import is_compressed
from flowstone_datastore.tables.errors import TableFormatError
from flowstone_datastore.tables.finding import TableFile

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def schema_of(data: pa.Buffer, file: TableFile, file_format: str) -> pa.Schema:
    """The columns of a file; of CSV, with the types that its first block suggests.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        if file_format == "csv":
            with csv.open_csv(_unpacked(data, file)) as reader:
                return reader.schema
        with pa.ipc.open_file(pa.BufferReader(data)) as reader:
            return reader.schema
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def table_in(data: pa.Buffer, file: TableFile, file_format: str, columns: Sequence[str]) -> pa.Table:
    """Those of the columns that the file has. Of Arrow that is not compressed, the memory is the file's own.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        if file_format == "csv":
            return csv.read_csv(_unpacked(data, file))
        with _opened_arrow(data, columns) as reader:
            return _of_columns(reader.read_all(), columns)
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def batches_in(
    data: pa.Buffer, file: TableFile, file_format: str, columns: Sequence[str], rows: int
) -> Iterator[pa.RecordBatch]:
    """Those of the columns that the file has, at most so many rows at a time, as they are read.

    Raises:
        TableFormatError: it is in another format.
    """
    try:
        if file_format == "csv":
            with csv.open_csv(_unpacked(data, file)) as reader:
                for batch in reader:
                    yield from pa.Table.from_batches([batch]).to_batches(rows)
            return
        with _opened_arrow(data, columns) as reader:
            for number in range(reader.num_record_batches):
                yield from _of_columns(pa.Table.from_batches([reader.get_batch(number)]), columns).to_batches(rows)
    except (pa.ArrowException, OSError) as error:
        raise _told(error, file, file_format) from error


def _opened_arrow(data: pa.Buffer, columns: Sequence[str]) -> pa.ipc.RecordBatchFileReader:
    """A reader of at least these columns.

    Of what is not compressed, it makes all columns, which costs nothing; to make some, pyarrow would copy them.
    """
    reader = pa.ipc.open_file(pa.BufferReader(data))
    if set(columns).issuperset(reader.schema.names) or not is_compressed(data):
        return reader
    places = [place for place, name in enumerate(reader.schema.names) if name in set(columns)]
    # No place at all would mean all of them.
    options = pa.ipc.IpcReadOptions(included_fields=places or [0])
    return pa.ipc.open_file(pa.BufferReader(data), options=options)


def _of_columns(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    wanted = set(columns)
    return table.select([place for place, name in enumerate(table.column_names) if name in wanted])


def _unpacked(data: pa.Buffer, file: TableFile) -> pa.NativeFile:
    suffix = file.place.key.lower()[file.place.key.rfind(".") :]
    return pa.input_stream(pa.BufferReader(data), compression=_COMPRESSIONS.get(suffix))


def _told(error: Exception, file: TableFile, file_format: str) -> TableFormatError:
    return TableFormatError(file.url, file_format, str(error).partition("\n")[0])
