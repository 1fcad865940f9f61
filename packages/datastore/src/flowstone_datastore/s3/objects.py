"""What goes into the calls of `S3`, and what comes out."""

import io
import mmap
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from flowstone_datastore.s3.bucket import ObjectHead, Span
from flowstone_datastore.s3.errors import S3InvalidUseError
from flowstone_datastore.storage import Buffer


class S3GetObject(NamedTuple):
    """A range of an object: `length` bytes (`None`: all) from `offset` on; a negative one counts from the end."""

    key: str
    offset: int = 0
    length: int | None = None


class S3PutObject(NamedTuple):
    """An object to write, from a value or from a file, with what is said of it."""

    key: str
    value: "str | Buffer | io.IOBase | None" = None
    path: str | os.PathLike[str] | None = None
    content_type: str | None = None
    encryption: str | None = None
    metadata: Mapping[str, str] | None = None


class RangeInfo(NamedTuple):
    """Which bytes were fetched."""

    total_size: int
    """Of the object."""
    request_offset: int
    request_length: int


@attrs.define(eq=False)
class S3Object:
    """An object, or a folder in a listing, or one that is not there.

    What was fetched is in memory or in a file; `path`, `blob`, `buffer` and `text` give it either way.
    """

    url: str
    key: str
    """As it was asked for: below the client's root, or a URL."""
    prefix: str = ""
    """The client's root."""
    exists: bool = True
    """False for what is not there, and for folders."""
    head: ObjectHead | None = None
    """What the place says of it, if it was asked."""
    range_info: RangeInfo | None = None
    _file: Path | None = None
    _memory: memoryview | None = None
    _new_file: Callable[[str], Path] | None = None

    @property
    def downloaded(self) -> bool:
        """True if its bytes are here."""
        return self._file is not None or self._memory is not None

    @property
    def path(self) -> str | None:
        """A file with the bytes; made now if they are in memory. It goes with the client. `None` without bytes."""
        if self._file is None and self._memory is not None and self._new_file is not None:
            file = self._new_file(self.key)
            file.write_bytes(self._memory)
            self._file = file
        return None if self._file is None else str(self._file)

    @property
    def blob(self) -> bytes | None:
        """The bytes, as a copy of their own."""
        if self._memory is not None:
            return bytes(self._memory)
        return None if self._file is None else self._file.read_bytes()

    @property
    def buffer(self) -> memoryview | None:
        """The bytes without a copy: the memory they arrived in, or their file, mapped read-only."""
        if self._memory is None and self._file is not None:
            if not self._file.stat().st_size:
                return memoryview(b"")
            with self._file.open("rb") as file:
                self._memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return self._memory

    @property
    def text(self) -> str | None:
        """The bytes as UTF-8."""
        blob = self.blob
        return None if blob is None else blob.decode()

    @property
    def has_info(self) -> bool:
        """True if the place was asked about it."""
        return self.head is not None

    @property
    def size(self) -> int | None:
        """Bytes: of what was fetched, else of the object."""
        if self._memory is not None:
            return len(self._memory)
        if self.range_info is not None:
            return self.range_info.request_length
        return None if self.head is None else self.head.size

    @property
    def metadata(self) -> dict[str, str] | None:
        """What was said of it when it was written."""
        return dict(self.head.metadata) if self.head is not None and self.head.metadata else None

    @property
    def content_type(self) -> str | None:
        """Its MIME type."""
        return None if self.head is None else self.head.content_type

    @property
    def encryption(self) -> str | None:
        """How the service encrypts it."""
        return None if self.head is None else self.head.encryption

    @property
    def last_modified(self) -> int | None:
        """UTC, whole seconds since 1970."""
        return None if self.head is None else int(self.head.last_modified)

    def __str__(self) -> str:
        here = "downloaded" if self.downloaded else "in S3"
        state = here if self.exists else "not there, or a folder"
        return f"<S3Object {self.url} ({self.size} bytes, {state})>"


def bytes_of(value: "str | Buffer | io.IOBase", key: str) -> memoryview:
    """What is stored for a value: text in UTF-8, bytes as they are, the rest of an open file.

    Raises:
        S3InvalidUseError: it is something else.
    """
    held: Any = value.read() if isinstance(value, io.IOBase) else value
    try:
        return memoryview(held.encode() if isinstance(held, str) else held).cast("B")
    except TypeError as error:
        raise S3InvalidUseError(
            f"the value for {key!r} is a {type(value).__name__}", "put text, bytes or an open file"
        ) from error


def span_of(asked: S3GetObject) -> Span:
    """Which bytes are asked for."""
    if asked.offset < 0:
        if asked.length is not None and asked.length != -asked.offset:
            raise S3InvalidUseError(f"{asked} counts from both ends", "a negative offset goes to the end")
        return Span(asked.offset)
    if asked.length is not None and asked.length < 0:
        if asked.offset:
            raise S3InvalidUseError(f"{asked} counts from both ends", "give an offset or a negative length")
        return Span(asked.length)
    if asked.length == 0:
        raise S3InvalidUseError(f"{asked} is no byte", "leave the length out for all")
    return Span(asked.offset, None if asked.length is None else asked.offset + asked.length)


def value_of(put: S3PutObject) -> Any:
    """The value to write."""
    if put.value is None:
        raise S3InvalidUseError(f"{put.key!r} has no value", "give one, or use put_files for files")
    return put.value


def path_of(put: S3PutObject) -> str | os.PathLike[str]:
    """The file to write."""
    if put.path is None:
        raise S3InvalidUseError(f"{put.key!r} has no path", "give one, or use put_many for values")
    return put.path
