"""Files that travel as one object of the store, named by the SHA-256 of its bytes.

Not BLAKE3, which names all else: who unpacks it has the standard library and nothing more.
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import attrs

from flowstone_datastore import ObjectNotFoundError
from flowstone_datastore.storage import Storage
from flowstone_interfaces.python_310 import Self


@attrs.frozen
class Archive:
    """A `.tar.gz` in the store."""

    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """Its path in the store."""
        return f"remote/archives/{self.sha256}.tar.gz"

    def to_json(self) -> dict[str, Any]:
        """As the launch document has it; `name` is there for whoever reads it without us."""
        return {"name": self.name, "sha256": self.sha256, "size": self.size_bytes}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(raw["sha256"], raw["size"])


def put_archive(storage: Storage, contents: Mapping[str, bytes], programs: Collection[str] = ()) -> Archive:
    """Store the files, by their relative paths, unless the store has them; `programs` can be executed.

    Raises:
        StorageError: it could not be written.
    """
    from flowstone_runtime.code.archive import packed_archive

    data = packed_archive(contents, programs)
    archive = Archive(hashlib.sha256(data).hexdigest(), len(data))
    if not has_archive(storage, archive):
        storage.write(archive.name, data)
    return archive


def has_archive(storage: Storage, archive: Archive) -> bool:
    """Whether it is in the store, whole."""
    try:
        return storage.status(archive.name).size == archive.size_bytes
    except ObjectNotFoundError:
        return False
