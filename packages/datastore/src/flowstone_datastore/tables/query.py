"""What a caller asks of a table, put to the table: which files, which columns, which condition."""

import json
from collections.abc import Sequence
from functools import cached_property

import attrs
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Reach
from flowstone_datastore.tables.arrow_files import ArrowFile, open_arrow, read_columns
from flowstone_datastore.tables.conditions import Where, columns_in, expression_of
from flowstone_datastore.tables.errors import MixedSchemasError, UnknownColumnError
from flowstone_datastore.tables.finding import FoundTable, TableFile, find_table, partition_fields
from flowstone_datastore.tables.parquet import ParquetFile, Piece, note_read, open_parquet, pieces_of
from flowstone_datastore.tables.sparse import map_whole, read_whole
from flowstone_datastore.tables.whole_files import schema_of


@attrs.frozen(slots=False)
class Query:
    """A question that the table can answer."""

    found: FoundTable
    files: tuple[TableFile, ...]
    """Those in which rows may be wanted."""
    schema: pa.Schema
    """Of the whole table."""
    columns: tuple[str, ...]
    """Those that are wanted, in order."""
    where: ds.Expression | None
    patience: Patience
    first: "ParquetFile | ArrowFile | pa.Buffer | None"
    """What was read of the first file to know the schema; `None` of a table without a file."""

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The wanted columns, and those that the condition looks at."""
        return tuple(dict.fromkeys((*self.columns, *self.looked_at)))

    @cached_property
    def looked_at(self) -> tuple[str, ...]:
        """The columns that the condition looks at."""
        return tuple(columns_in(self.where, self.schema))

    @cached_property
    def _needed_schema(self) -> pa.Schema:
        return pa.schema([self.schema.field(name) for name in self.needed])

    @property
    def result(self) -> pa.Schema:
        """Of the answer."""
        fields = [self.schema.field(name) for name in self.columns]
        return pa.schema(fields, metadata=self.schema.metadata)

    def pieces(self) -> list[Piece]:
        """Of a table of Parquet files: what must be read, in the order of the rows; it is noted as read."""
        known = [self.first] if isinstance(self.first, ParquetFile) and self.first.file in self.files[:1] else []
        found = []
        for source in known + open_parquet(self.files[len(known) :], self.patience):
            present = [name for name in self.needed if name in source.names]
            pieces = pieces_of(source, present, self._in_file(source))
            note_read(source, pieces)
            found += pieces
        return found

    def data(self, file: TableFile) -> pa.Buffer:
        """A file that is not Parquet; of its bytes, those are there that `needed` and the format ask for."""
        known = self.first if file == self.found.files[0] else None
        if isinstance(known, pa.Buffer):
            return known
        if self.found.file_format == "arrow" and len(self.needed) < len(self.schema):
            source = known if isinstance(known, ArrowFile) else open_arrow(file, self.patience)
            data = None if source is None else read_columns(source, self.needed, self.patience)
            if data is not None:
                return data
        return _data(file, self.found.file_format, self.patience)

    def answer(self, table: pa.Table, file: TableFile) -> pa.Table:
        """What of some rows of a file is wanted, with the table's types.

        Raises:
            MixedSchemasError: the file has a column in a type that cannot become the table's.
        """
        partition = dict(file.partition)
        places = {name: place for place, name in enumerate(table.column_names)}
        arrays = [_column(table, places.get(field.name), field, partition, file) for field in self._needed_schema]
        rows = pa.Table.from_arrays(arrays, schema=self._needed_schema)
        if self.where is not None:
            rows = rows.filter(self.where)
        return rows.select(list(self.columns)).replace_schema_metadata(self.schema.metadata)

    def _in_file(self, source: ParquetFile) -> ds.Expression | None:
        """The condition, if the file has all that it looks at: else its statistics say nothing of it."""
        return self.where if source.names.issuperset(self.looked_at) else None


def open_query(
    url: str,
    columns: Sequence[str] | None,
    where: Where,
    *,
    file_format: str | None,
    keeps_index: bool,
    reach: Reach,
    patience: Patience,
) -> Query:
    """Find a table, and put the question to it.

    Raises:
        NoTableError, TableFormatError, UnknownColumnError, InvalidWhereError: it cannot be answered.
        StorageError: the place could not be asked.
    """
    found = find_table(url, reach, patience, file_format)
    first = _first(found, patience, is_all=columns is None)
    schema = found.schema if found.schema is not None else _schema(found, first)
    expression = expression_of(where, schema, url)
    wanted = tuple(schema.names if columns is None else columns)
    known = frozenset(schema.names)
    for name in wanted:
        if name not in known:
            raise UnknownColumnError(url, name, schema.names)
    if keeps_index:
        wanted = tuple(dict.fromkeys((*wanted, *_index_columns(schema))))
    files = _that_may_match(found.files, schema, expression)
    return Query(found, files, schema, wanted, expression, patience, first)


def _first(found: FoundTable, patience: Patience, *, is_all: bool) -> "ParquetFile | ArrowFile | pa.Buffer | None":
    if not found.files:
        return None
    if found.file_format == "parquet":
        return open_parquet(found.files[:1], patience)[0]
    source = open_arrow(found.files[0], patience) if found.file_format == "arrow" and not is_all else None
    return source or _data(found.files[0], found.file_format, patience)


def _schema(found: FoundTable, first: "ParquetFile | ArrowFile | pa.Buffer") -> pa.Schema:
    """That of the first file, and the columns that stand in the names of folders."""
    if isinstance(first, ParquetFile | ArrowFile):
        schema = first.schema
    else:
        schema = schema_of(first, found.files[0], found.file_format)
    known = set(schema.names)
    for field in partition_fields(found.files):
        schema = schema if field.name in known else schema.append(field)
    return schema


def _data(file: TableFile, file_format: str, patience: Patience) -> pa.Buffer:
    return map_whole(file, patience) if file_format == "arrow" else read_whole(file, patience)


def _that_may_match(
    files: tuple[TableFile, ...], schema: pa.Schema, where: ds.Expression | None
) -> tuple[TableFile, ...]:
    """Those whose folders' names do not exclude the condition; pyarrow knows how to tell."""
    if where is None or not any(file.partition for file in files):
        return files
    nowhere, parquet = fs.LocalFileSystem(), ds.ParquetFileFormat()  # nothing is opened
    fragments = [
        parquet.make_fragment(str(number), filesystem=nowhere, partition_expression=_expression(file, schema))
        for number, file in enumerate(files)
    ]
    dataset = ds.FileSystemDataset(fragments, schema, parquet, filesystem=nowhere)
    return tuple([files[int(fragment.path)] for fragment in dataset.get_fragments(filter=where)])


def _expression(file: TableFile, schema: pa.Schema) -> ds.Expression:
    found = ds.scalar(True)
    for name, text in file.partition:
        value = _scalar(schema.field(name), text, file)
        found &= ds.field(name).is_null() if text is None else ds.field(name) == value
    return found


def _column(
    table: pa.Table, place: int | None, field: pa.Field, partition: dict[str, str | None], file: TableFile
) -> "pa.Array | pa.ChunkedArray":
    """The column in the type of the table: it stands at `place`, or in the names of folders, or nowhere."""
    if field.name in partition:
        return pa.repeat(_scalar(field, partition[field.name], file), table.num_rows)
    if place is None:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(place)
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise MixedSchemasError(file.url, field.name, f"{column.type} and {field.type}") from error


def _scalar(field: pa.Field, text: str | None, file: TableFile) -> pa.Scalar:
    if text is None:
        return pa.scalar(None, type=field.type)
    try:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        scalar = pa.scalar(text).cast(kind)
        return scalar if kind == field.type else pa.scalar(scalar.as_py(), type=field.type)
    except pa.ArrowException as error:
        raise MixedSchemasError(file.url, field.name, f"the text {text!r} and {field.type}") from error


def _index_columns(schema: pa.Schema) -> list[str]:
    """The columns that pandas made of a frame's index."""
    raw = (schema.metadata or {}).get(b"pandas")
    try:
        named = json.loads(raw)["index_columns"] if raw else []
    except (ValueError, KeyError):  # another program's: it is of no use, and needed by nobody
        return []
    return [name for name in named if isinstance(name, str) and name in schema.names]
