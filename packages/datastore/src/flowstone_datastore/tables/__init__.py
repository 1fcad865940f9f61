"""Tables: from a service into frames at the speed of the network, and back.

`read_frame` and `scan_frame` read Parquet, Arrow IPC and CSV, of one file or a folder of them, from wherever `S3`
reads; `write_frame` writes them. They need the extra `frames`.
"""

from flowstone_datastore.tables.errors import (
    InvalidWhereError,
    MissingLibraryError,
    MixedSchemasError,
    NoFrameError,
    NoTableError,
    TableExistsError,
    TableFormatError,
    UnknownColumnError,
)

try:
    import pyarrow as pa  # noqa: F401 - all below need it
except ImportError as error:
    raise MissingLibraryError("flowstone_datastore.tables", "flowstone-datastore[frames]") from error

from flowstone_datastore.tables.reading import read_frame
from flowstone_datastore.tables.scanning import scan_frame
from flowstone_datastore.tables.writing import write_frame

__all__ = [
    "InvalidWhereError",
    "MissingLibraryError",
    "MixedSchemasError",
    "NoFrameError",
    "NoTableError",
    "TableExistsError",
    "TableFormatError",
    "UnknownColumnError",
    "read_frame",
    "scan_frame",
    "write_frame",
]
