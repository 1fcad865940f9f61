"""The promise by which a store keeps its bytes somewhere: a flat, small contract.

A backend knows nothing of chunks, runs or values. It keeps objects: some bytes
under a path. `flowstone_datastore.testing.StorageContract` tests a backend against every
sentence below.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from flowstone_datastore.storage_errors import InvalidObjectPathError

Buffer: TypeAlias = bytes | bytearray | memoryview
Data: TypeAlias = Buffer | Sequence[Buffer]
"""Bytes to write: one buffer, or several that are written one after the other without being joined."""

_PATH = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.~-]{1,255}(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.~-]{1,255})*\Z")
_LONGEST_PATH = 900  # S3 allows 1,024 bytes; a prefix wants some of them


@attrs.frozen
class ObjectStatus:
    """What a storage knows of an object without reading it."""

    size: int
    """Bytes."""
    modified: float
    """When it was written or touched last, by the storage's own clock: UTC, seconds since 1970."""


class Storage(Protocol):
    """A place that keeps objects by path.

    Paths are relative, separated by `/`, of letters, digits and `_.~-`; anything else is an
    `InvalidObjectPathError` from every method. All methods may be called from any thread and any
    process at once, except that `append` has one caller per path. Nothing needs closing. Every
    method may raise `StorageError`; every one that writes may raise `StoreNotWritableError`, and
    `StoreFullError` if there is no space.

    A killed process leaves no object half written, other than the end of one that it was appending to.
    """

    @property
    def url(self) -> str:
        """How to open the same storage again, from another process too if it outlives this one."""

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """The bytes from `start` on, at most `length` of them: fewer, or none, at the end of the object.

        Raises:
            ObjectNotFoundError: there is no such object.
        """

    def status(self, path: str) -> ObjectStatus:
        """How large the object is and when it was written or touched last.

        Raises:
            ObjectNotFoundError: there is no such object.
        """

    def touch(self, path: str) -> None:
        """Make the object as young as if it had been written now: who relies on it shields it from collection.

        Raises:
            ObjectNotFoundError: there is no such object.
        """

    def write(self, path: str, data: Data) -> None:
        """Make `data` the object, whether or not there was one.

        Atomic: a reader sees the old object or all of the new one. Of several writers at once, one wins.
        """

    def write_new(self, path: str, data: Data) -> bool:
        """Make `data` the object if there is none; `False`, and no change, if there is one.

        Atomic: a reader sees nothing or all of it, and of several writers at once exactly one gets `True`.
        (On a file system without hard links, two writers in the same instant may both get it.)
        """

    def append(self, path: str, data: Data) -> int:
        """Add `data` to the end of the object, making it if there is none; where the addition begins.

        A reader sees a prefix of all that was appended. One writer per path: two at once may
        mix what they write. If it raises, the object is as it was.
        """

    def list(self, folder: str = "") -> Iterator[str]:
        """Names directly below a folder, sorted, each once; those of folders end in `/`.

        `""` is the root. A folder that does not exist is empty; one whose last object was deleted may be
        listed or not. What is written or deleted meanwhile may be listed or not.
        """

    def delete(self, path: str) -> None:
        """Remove the object; nothing happens if there is none. Who is reading it may read on or not."""


@runtime_checkable
class OpensFiles(Protocol):
    """The ability of a storage whose objects are files of this machine: they can be identified and mapped."""

    def file(self, path: str) -> str:
        """Where the object's file is, or would be."""

    def write_file(self, path: str, data: Data, finish: Callable[[int], None]) -> None:
        """As `Storage.write`; `finish` gets the descriptor of the whole file before it has its name."""

    def open_file(self, path: str) -> io.FileIO:
        """The object, open for reading and unbuffered; the caller closes it.

        Raises:
            ObjectNotFoundError: there is no such object.
        """


@runtime_checkable
class DeletesMany(Protocol):
    """The ability of a storage to which each request is dear: it deletes many objects by one."""

    def delete_whole(self, paths: Sequence[str]) -> None:
        """Remove objects that nobody ever appended to, in any order; nothing happens for those that are not there.

        If it raises, some of them are gone.
        """


def check_path(path: str) -> str:
    """Return `path` if an object may have it.

    >>> check_path("runs/Train/20260101-120000-k3f9/claim.json")
    'runs/Train/20260101-120000-k3f9/claim.json'

    Raises:
        InvalidObjectPathError: it could leave the store, or not every backend could keep it.
    """
    if not _PATH.match(path) or len(path) > _LONGEST_PATH:
        raise InvalidObjectPathError(path)
    return path


def check_folder(folder: str) -> str:
    """Return `folder` without a final `/` if it can be listed; `""` is the root.

    Raises:
        InvalidObjectPathError: it could leave the store, or not every backend could keep it.
    """
    return check_path(folder.removesuffix("/")) if folder else ""


def buffers_of(data: Data) -> Sequence[Buffer]:
    """The buffers of `data`, whichever of its two forms it has."""
    return (data,) if isinstance(data, bytes | bytearray | memoryview) else data
