# ruff: noqa: PTH104, PTH108, PTH116 - this package keeps clear of pathlib, whose import costs more than most of its own
"""Takes chunks that nobody needs out of a store where others are writing.

A writer that finds its chunk there relies on it: it *touches* the chunk first. Between our look and our deletion
lies a moment in which it may do so. On files we therefore rename the chunk away before we look: a touch that came
before shows in the modification time that the file takes along, and the file goes back;
one that comes after finds no file, and the writer stores the chunk anew.

Other storages have no rename. There the moment is as long as one request, or the looks at some hundred chunks
that go by one, and a writer harmed by it must have come upon a chunk that had been garbage for a day just then.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence

import attrs

from flowstone_datastore.chunk_objects import ChunkObject
from flowstone_datastore.file_errors import translated, without_hard_links
from flowstone_datastore.file_modes import FileModes, make_folder, make_root
from flowstone_datastore.file_storage import TEMPORARY_FOLDER, FileStorage
from flowstone_datastore.storage import DeletesMany, Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError

LEFTOVER_SECONDS = 24 * 3600
"""A file in `tmp/` that is older belongs to nobody any more."""

_AT_ONCE = 256
"""So many chunks are looked at before they are deleted: a second, where a look takes 50 ms."""
_LOOKS = 16
_SWEPT = re.compile(r"swept-([0-9a-f]{64}(?:\.zst)?)-[0-9a-f]{16}\Z")


@attrs.frozen
class Leftover:
    """A file in `tmp/` of a process that was killed."""

    name: str
    size: int
    """Bytes."""


def sweep(storage: Storage, chunk: ChunkObject, cutoff: float) -> int | None:
    """Delete a chunk unless it was written or touched after `cutoff` (UTC, seconds since 1970); the bytes freed.

    `None` if it stays, or was gone before. Killed in between, it leaves a file that `put_back` returns.

    Raises:
        StorageError: it could not be deleted.
    """
    try:
        status = storage.status(chunk.path)
        if status.modified >= cutoff:
            return None
        if isinstance(storage, FileStorage):
            return _sweep_file(storage.root, chunk.path, cutoff)
        storage.delete(chunk.path)
    except ObjectNotFoundError:
        return None
    return status.size


def sweep_many(
    storage: Storage, batch: DeletesMany, chunks: Sequence[ChunkObject], cutoff: float
) -> Iterator[int | None]:
    """As `sweep` of each, where requests take long: looks at many at once, and deletes them by one request.

    The moment between look and deletion is as long as the looks at `_AT_ONCE` chunks.

    Raises:
        StorageError: some could not be deleted; those before them are gone.
    """
    from concurrent.futures import ThreadPoolExecutor

    def freed(chunk: ChunkObject) -> int | None:
        try:
            status = storage.status(chunk.path)
        except ObjectNotFoundError:
            return None
        return status.size if status.modified < cutoff else None

    for at in range(0, len(chunks), _AT_ONCE):
        some = chunks[at : at + _AT_ONCE]
        with ThreadPoolExecutor(_LOOKS) as pool:
            sizes = [*pool.map(freed, some)]
        going = [chunk.path for chunk, size in zip(some, sizes, strict=True) if size is not None]
        if going:
            batch.delete_whole(going)
        yield from sizes


def put_back(storage: Storage) -> tuple[ChunkObject, ...]:
    """Return the chunks that a killed collection had renamed away, or one that runs is about to delete; which.

    Raises:
        StorageError: a file could not be renamed.
    """
    returned = []
    if isinstance(storage, FileStorage):
        for entry in _temporary_files(storage):
            match = _SWEPT.match(entry.name)
            if match is not None:
                path = f"chunks/{match[1][:2]}/{match[1]}"
                with translated(path, storage.root, is_writing=True):
                    _return(entry.path, f"{storage.root}/{path}")
                returned.append(ChunkObject(path, match[1][:64]))
    return tuple(returned)


def leftovers(storage: Storage, now: float) -> tuple[Leftover, ...]:
    """The files in `tmp/` that are older than a day at `now` (UTC, seconds since 1970), but for chunks."""
    found = []
    if isinstance(storage, FileStorage):
        for entry in _temporary_files(storage):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if now - status.st_mtime > LEFTOVER_SECONDS and not _SWEPT.match(entry.name):
                    found.append(Leftover(entry.name, status.st_size))
    return tuple(sorted(found, key=lambda leftover: leftover.name))


def remove_leftover(storage: Storage, leftover: Leftover) -> None:
    """Delete such a file; it may be gone."""
    if isinstance(storage, FileStorage):
        path = f"{TEMPORARY_FOLDER}/{leftover.name}"
        with translated(path, storage.root, is_writing=True), contextlib.suppress(FileNotFoundError):
            os.unlink(f"{storage.root}/{path}")


def _sweep_file(root: str, path: str, cutoff: float) -> int | None:
    name = path.rpartition("/")[2]
    away = f"{root}/{TEMPORARY_FOLDER}/swept-{name}-{os.urandom(8).hex()}"
    with translated(path, root, is_writing=True):
        make_folder(f"{root}/{TEMPORARY_FOLDER}", FileModes.below(make_root(root)))
        try:
            os.rename(f"{root}/{path}", away)
            status = os.stat(away)
        except FileNotFoundError:  # another collection took it, or put it back
            return None
        if status.st_mtime >= cutoff:
            _return(away, f"{root}/{path}")
            return None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(away)
    return status.st_size


def _return(away: str, target: str) -> None:
    """Give a chunk its name back, unless somebody stored it anew: that file is younger, and must stay so."""
    with contextlib.suppress(FileNotFoundError, FileExistsError):
        try:
            os.link(away, target)
        except OSError as error:
            if not without_hard_links(error):
                raise
            if not os.path.lexists(target):
                os.rename(away, target)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(away)


def _temporary_files(storage: FileStorage) -> Iterator["os.DirEntry[str]"]:
    with contextlib.suppress(FileNotFoundError), os.scandir(f"{storage.root}/{TEMPORARY_FOLDER}") as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry
