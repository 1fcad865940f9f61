"""Tables: from a service into frames at the speed of the network, and back.

`read_frame` and `scan_frame` read Parquet, Arrow IPC and CSV, of one file or a folder of them, from wherever `S3`
reads; `write_frame` writes them. They need the extra `frames`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
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

_HOMES = {"read_frame": "reading", "scan_frame": "scanning", "write_frame": "writing"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise MissingLibraryError(name, "flowstone-datastore[frames]") from error
