"""Which objects under `chunks/` are chunks, and which are strays."""

import re
from collections.abc import Iterator

import attrs

from flowstone_datastore.storage import Storage

_FOLDER = re.compile(r"[0-9a-f]{2}/\Z")
_NAME = re.compile(r"([0-9a-f]{64})(?:\.zst)?\Z")


@attrs.frozen
class ChunkObject:
    """One object that holds a chunk: its bytes, or its bytes compressed. A chunk may be there in both forms."""

    path: str
    address: str


@attrs.frozen
class Stray:
    """Something under `chunks/` that no store put there."""

    path: str


def chunk_objects(storage: Storage) -> Iterator[ChunkObject | Stray]:
    """Everything under `chunks/`, by one listing per folder, sorted."""
    for folder in storage.list("chunks"):
        if not _FOLDER.match(folder):
            yield Stray(f"chunks/{folder}")
            continue
        for name in storage.list(f"chunks/{folder}"):
            match = _NAME.match(name)
            path = f"chunks/{folder}{name}"
            is_chunk = match is not None and name.startswith(folder[:-1])
            yield ChunkObject(path, match[1]) if match and is_chunk else Stray(path)
