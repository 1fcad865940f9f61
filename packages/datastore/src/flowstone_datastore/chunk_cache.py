# ruff: noqa: PTH108 - as in file_storage: pathlib costs microseconds per call
"""Chunks of a far storage, kept in a local folder: the most recently used of them, up to so many bytes.

Only chunks: they never change, so that what is here is what is there. Any number of processes, and of
stores, may share a folder. Nothing locks: a file is complete when it gets its name, the same whoever
fills it, and whoever reads one reads on when another removes it.
"""

import contextlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from flowstone_datastore.file_storage import TEMPORARY_FOLDER, FileStorage
from flowstone_datastore.memory_storage import MemoryStorage
from flowstone_datastore.storage import Data, ObjectStatus, OpensFiles, Storage, buffers_of
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageError

_CHUNKS = "chunks/"
_LARGEST_PART = 2  # what is larger than half the cache would push everything else out
_SCAN_PART = 64  # of the cache: how much a process adds before it looks what others added
_LOW_WATER = 0.9  # of the cache: what eviction leaves, so that not every chunk brings another one
_USED_LATELY_SECONDS = 60.0
_LEFTOVER_SECONDS = 24 * 60 * 60.0


@attrs.frozen
class ChunkCache:
    """Where chunks of far storages are kept, and how many."""

    folder: str
    """Its absolute path; made when the first chunk is kept. Any number of stores may share it."""
    max_bytes: int
    """Of chunks in the folder; 0 keeps none."""

    def before(self, storage: Storage) -> Storage:
        """The storage with this cache before it; the storage itself if it is near already, or nothing is kept."""
        is_near = isinstance(storage, OpensFiles | MemoryStorage | CachedStorage)
        return storage if is_near or self.max_bytes <= 0 else CachedStorage(storage, self.folder, self.max_bytes)


class CachedStorage:
    """A `Storage` that asks another one, and keeps the chunks it got or gave in `folder`.

    `max_bytes` bounds the chunks in the folder; each process that fills it at the same time may exceed that by a
    sixty-fourth. If the folder cannot be written, it works as if there were no cache, and logs that once. `clock`
    gives the time in seconds, like those of files.
    """

    def __init__(
        self,
        storage: Storage,
        folder: str | os.PathLike[str],
        max_bytes: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._storage = storage
        self._files = FileStorage(folder)
        self._max_bytes = max_bytes
        self._clock = clock
        self._can_fill = True
        self._distrusted: set[str] = set()  # what should have been removed from a folder that is read-only
        self._lock = threading.Lock()  # around the two counts
        self._unscanned_bytes = 0  # what may still be added before the folder must be looked at
        self._arriving_bytes = 0  # what threads are writing at this moment: a look at the folder does not see it

    @property
    def url(self) -> str:
        """That of the other storage: how to open it again, without the cache."""
        return self._storage.url

    def __repr__(self) -> str:
        return f"CachedStorage({self._storage!r}, {self._files.root!r}, {self._max_bytes})"

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Storage.read`. A range of a chunk that is not here is not kept."""
        if not path.startswith(_CHUNKS):
            return self._storage.read(path, start, length)
        file = self.cached_file(path)
        if file is not None:
            with file:
                try:
                    return _range_of(file, start, length)
                except OSError:  # a damaged disk: the other storage has it too
                    self.forget(path)
        return self._storage.read(path, start, length) if start or length is not None else self.fetch(path)

    def cached_file(self, path: str) -> io.FileIO | None:
        """The chunk's file, open for reading and marked as used; `None` if it is not here, or cannot be read.

        What it holds was checked by nobody. The caller closes it.
        """
        if path in self._distrusted:
            return None
        try:
            file = self._files.open_file(path)
        except ObjectNotFoundError:
            return None
        except StorageError as error:
            if isinstance(error, ValueError):
                raise
            return None
        with contextlib.suppress(OSError):
            status, now = os.fstat(file.fileno()), self._clock()
            if now - status.st_atime > _USED_LATELY_SECONDS:
                # The time of reading, not of writing: that is part of how a verified file is known again.
                os.utime(file.fileno(), ns=(int(now * 1e9), status.st_mtime_ns))
        return file

    def fetch(self, path: str) -> bytes:
        """A whole chunk as the other storage has it, whatever is here; that is kept.

        Raises:
            ObjectNotFoundError: it is not there.
        """
        data = self._storage.read(path)
        self._fill(path, data)
        return data

    def forget(self, path: str) -> None:
        """Drop a chunk from the cache only: its bytes here are not what they should be."""
        try:
            self._files.delete(path)
        except StorageError:
            self._distrusted.add(path)

    def status(self, path: str) -> ObjectStatus:
        """See `Storage.status`. The other storage's word: a chunk in the cache may have been collected there."""
        return self._storage.status(path)

    def touch(self, path: str) -> None:
        """See `Storage.touch`."""
        self._storage.touch(path)

    def write(self, path: str, data: Data) -> None:
        """See `Storage.write`. A chunk is written again only if it was damaged: the cache forgets it."""
        if path.startswith(_CHUNKS):
            self.forget(path)
        self._storage.write(path, data)

    def write_new(self, path: str, data: Data) -> bool:
        """See `Storage.write_new`. The next task on this machine may want the chunk: it is kept."""
        is_new = self._storage.write_new(path, data)
        if is_new and path.startswith(_CHUNKS):
            self.forget(path)  # what is here, if anything, is of an object that is gone, and was not checked
            self._fill(path, data)
        return is_new

    def append(self, path: str, data: Data) -> int:
        """See `Storage.append`."""
        if path.startswith(_CHUNKS):
            self.forget(path)
        return self._storage.append(path, data)

    def list(self, folder: str = "") -> Iterator[str]:
        """See `Storage.list`."""
        return self._storage.list(folder)

    def delete(self, path: str) -> None:
        """See `Storage.delete`."""
        if path.startswith(_CHUNKS):
            self.forget(path)
        self._storage.delete(path)

    def _fill(self, path: str, data: Data) -> None:
        size = sum([memoryview(buffer).nbytes for buffer in buffers_of(data)])
        if not self._can_fill or size > self._max_bytes // _LARGEST_PART:
            return
        try:
            if not self._reserve(size):
                return
            try:
                self._files.write_new(path, data)
            finally:
                with self._lock:
                    self._arriving_bytes -= size
        except (StorageError, OSError) as error:
            self._can_fill = False
            import logging  # 3 ms, for what hardly ever happens

            logging.getLogger(__name__).warning(
                "chunks are no longer cached in %s by this process: %s", self._files.root, error
            )

    def _reserve(self, size: int) -> bool:
        """Count so many bytes as arriving; `False` if other threads' are in the way."""
        with self._lock:
            if size > self._unscanned_bytes:
                self._unscanned_bytes = self._make_room(size)
            if size > self._unscanned_bytes:
                return False
            self._unscanned_bytes -= size
            self._arriving_bytes += size
            return True

    def _make_room(self, size: int) -> int:
        """Look at the folder and remove what was not used for longest; how many bytes may come now."""
        entries = [*_entries(f"{self._files.root}/{_CHUNKS}")]
        total = self._arriving_bytes + sum([entry_size for _, entry_size, _ in entries])
        if total + size > self._max_bytes:
            self._remove_leftovers()
            for _, entry_size, file in sorted(entries):
                if total + size <= self._max_bytes * _LOW_WATER:
                    break
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
                total -= entry_size
        return min(self._max_bytes - total, max(size, self._max_bytes // _SCAN_PART))

    def _remove_leftovers(self) -> None:
        """Remove what killed processes left of chunks that they were writing."""
        with contextlib.suppress(OSError), os.scandir(f"{self._files.root}/{TEMPORARY_FOLDER}") as files:
            for file in files:
                if self._clock() - file.stat().st_mtime > _LEFTOVER_SECONDS:
                    os.unlink(file.path)


def _entries(folder: str) -> Iterator[tuple[float, int, str]]:
    """When each file of the subfolders was used last, its size and its path; those that vanish are left out."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
            else:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_atime, status.st_size, entry.path


def _range_of(file: io.FileIO, start: int, length: int | None) -> bytes:
    there = max(0, os.fstat(file.fileno()).st_size - start)
    wanted = there if length is None else min(there, length)
    file.seek(min(start, 2**62))
    parts: list[bytes] = []
    while wanted > 0 and (part := file.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
