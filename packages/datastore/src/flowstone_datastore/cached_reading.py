"""Chunks that are objects of a storage, not files: from the cache before it, if there is one, or from far away.

What comes from far is always checked. What the cache holds is a file of this machine: it is checked once, and
sealed like any (`file_seal`). A file that is not what it should be is forgotten, and the chunk fetched
again: the cache may make things slower, never wrong.
"""

import os
from collections.abc import Callable
from typing import TypeAlias

from flowstone_datastore.chunk_cache import CachedStorage
from flowstone_datastore.chunk_errors import DamagedChunkError
from flowstone_datastore.file_reading import read_file
from flowstone_datastore.storage import Buffer, Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_datastore.verification import Verification

Unpack: TypeAlias = Callable[[str, Buffer], bytearray]
"""From the path of an object and its bytes to those of the chunk, if they have the right length."""
Check: TypeAlias = Callable[[bytearray], None]
"""Raises `DamagedChunkError` if the bytes have another address."""


class CachedReading:
    """Reads chunks, each under the first of its names that there is. May be used from any thread."""

    def __init__(self, storage: Storage, verification: Verification) -> None:
        self._storage = storage
        self._cache = storage if isinstance(storage, CachedStorage) else None
        self._verification = verification

    def read(self, paths: tuple[str, ...], unpack: Unpack, check: Check) -> bytearray:
        """The bytes of the chunk that is kept under one of the paths, the likelier first.

        Raises:
            ObjectNotFoundError: there is no such object.
            DamagedChunkError: what is there is something else, far away, too.
        """
        if self._cache is not None:
            for path in paths:
                data = self._read_cached(self._cache, path, unpack, check)
                if data is not None:
                    return data
        for path in paths[:-1]:
            try:
                return self._read_far(path, unpack, check)
            except ObjectNotFoundError:
                continue
        return self._read_far(paths[-1], unpack, check)

    def _read_far(self, path: str, unpack: Unpack, check: Check) -> bytearray:
        try:
            found = self._storage.read(path) if self._cache is None else self._cache.fetch(path)
            data = unpack(path, found)
            if self._verification.is_due(path, None):
                check(data)
        except DamagedChunkError:
            if self._cache is not None:
                self._cache.forget(path)
            raise
        return data

    def _read_cached(self, cache: CachedStorage, path: str, unpack: Unpack, check: Check) -> bytearray | None:
        file = cache.cached_file(path)
        if file is None:
            return None
        try:
            with file:
                status = os.fstat(file.fileno())
                data = unpack(path, read_file(file, status.st_size))
                if self._verification.is_due(path, status):
                    check(data)
                    self._verification.passed(file.fileno(), path, status)
                return data
        except (DamagedChunkError, OSError):
            cache.forget(path)
            return None
