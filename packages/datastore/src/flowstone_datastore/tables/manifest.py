"""The list of a table's files, which is what makes a folder of them change at once.

`write_frame` writes files under names that nobody reads yet, and then this list in one request: who reads the
table sees the files of the old list or those of the new one. Its name begins with `_`, so other readers of such
folders pass it over.
"""

import json
from typing import Any

import attrs
import pyarrow as pa

from flowstone_datastore.tables.errors import TableFormatError
from flowstone_interfaces.python_310 import Self

MANIFEST = "_flowstone_table.json"
_FORMAT = 1


@attrs.frozen
class Manifest:
    """What a table consists of."""

    file_format: str
    """Of its files: `parquet`, `arrow` or `csv`."""
    files: tuple[tuple[str, int], ...]
    """The key of each, below the table's folder, and its bytes."""
    schema: pa.Schema
    """Of the whole table, the columns that stand in folder names among them."""

    def to_json(self) -> bytes:
        """The text that is stored: the schema as Arrow's IPC message, in hexadecimal digits."""
        raw = {
            "flowstone_table": _FORMAT,
            "format": self.file_format,
            "schema": self.schema.serialize().to_pybytes().hex(),
            "files": [list(file) for file in self.files],
        }
        return json.dumps(raw, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes, url: str) -> Self:
        """Read what `to_json` gave.

        Raises:
            TableFormatError: it is something else, or of a later version.
        """
        try:
            raw: Any = json.loads(data)
            version = raw["flowstone_table"]
            if version == _FORMAT:
                files = tuple([(_relative(key), int(size)) for key, size in raw["files"]])
                schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(raw["schema"])))
                return cls(str(raw["format"]), files, schema)
        except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise TableFormatError(url, "a list of files", f"{type(error).__name__}: {error}") from error
        detail = f"it has version {version!r}, this flowstone reads {_FORMAT}"
        raise TableFormatError(url, "a list of files", detail)


def _relative(key: Any) -> str:
    if not isinstance(key, str) or not key or {"", ".", ".."} & set(key.split("/")):
        raise ValueError(f"{key!r:.80} is no file below the table")
    return key
