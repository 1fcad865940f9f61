"""Objects that are files below a folder: the same client, with no service behind it."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from flowstone_datastore.file_errors import translated
from flowstone_datastore.s3.bucket import Listed, ObjectHead, PutHead, Span
from flowstone_datastore.s3.errors import S3InvalidRangeError, S3InvalidUseError, S3ObjectReplacedError
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageFailedError
from flowstone_interfaces.python_310 import Self

_PARTIAL = ".flowstone-partial-"


class FolderBucket:
    """Files (`Bucket`). What else a service keeps of an object (content type, metadata) is refused."""

    def __init__(self, folder: str, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._folder = folder

    @property
    def url(self) -> str:
        """What the keys come behind."""
        return f"file://{self._folder.rstrip('/')}/"

    def open(self, key: str, span: Span, etag: str, timeout_seconds: float) -> "FileReading":
        """Begin to read."""
        with translated(key, self._folder):
            descriptor = os.open(self._file(key), os.O_RDONLY | os.O_CLOEXEC)
            try:
                head = _head_of(key, os.fstat(descriptor))
                start, stop = bounds(span, head.size, self.url + key, head.etag, etag)
            except BaseException:
                os.close(descriptor)
                raise
        return FileReading(descriptor, self._folder, head, start, stop)

    def head(self, key: str, timeout_seconds: float) -> ObjectHead:
        """What the file system says of the file."""
        with translated(key, self._folder):
            file = self._file(key)
            if file.is_dir():
                raise ObjectNotFoundError(key, self._folder)
            return _head_of(key, file.stat())

    def put(self, key: str, body: memoryview, head: PutHead, timeout_seconds: float) -> ObjectHead | None:
        """Make `body` the file, at once."""
        upload = self.begin(key, head, self.part_bytes)
        try:
            upload.put(0, body, timeout_seconds)
            return upload.complete()
        except BaseException:
            upload.abort()
            raise

    def begin(self, key: str, head: PutHead, part_bytes: int) -> "FileUpload":
        """Begin to write a file in parts."""
        if head.metadata or head.content_type or head.encryption:
            raise S3InvalidUseError("a file has no metadata, content type or encryption", "leave them out")
        return FileUpload(self._folder, key, self._file(key), head.is_only_new, part_bytes)

    def list(self, prefix: str, *, is_recursive: bool) -> Iterator[Listed]:
        """What is below a prefix, or directly below it; links to folders are not followed."""
        folder, _, start = prefix.rpartition("/")
        yield from self._below(Path(self._folder, folder), f"{folder}/" if folder else "", start, is_recursive)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files; folders stay."""
        for key in keys:
            with translated(key, self._folder, is_writing=True):
                self._file(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing to end."""

    def _below(self, folder: Path, above: str, start: str, is_recursive: bool) -> Iterator[Listed]:
        try:
            with translated(above, self._folder):
                found = [entry for entry in os.scandir(folder) if entry.name.startswith(start)]
        except ObjectNotFoundError:
            return
        # S3 sorts keys by their bytes: a folder stands where its `/` puts it.
        for name, entry in sorted([(e.name + "/" * e.is_dir(follow_symlinks=False), e) for e in found]):
            if _PARTIAL in name:
                continue
            if not name.endswith("/"):
                status = entry.stat()
                head = _head_of(above + name, status)
                yield Listed(above + name, head.size, head.etag, head.last_modified)
            elif is_recursive:
                yield from self._below(folder / entry.name, above + name, "", is_recursive)
            else:
                yield Listed(above + name)

    def _file(self, key: str) -> Path:
        if not key or key.endswith("/") or "\0" in key or {"", ".", ".."} & set(key.split("/")):
            raise S3InvalidUseError(f"{key!r} is no key of a file", "write parts between '/', none '.' or '..'")
        return Path(self._folder, key)


class FileReading:
    """A file under way (`Reading`); what was opened stays, whatever comes in its place."""

    def __init__(self, descriptor: int, folder: str, head: ObjectHead, start: int, stop: int) -> None:
        self.head = head
        self.start = start
        self.stop = stop
        self._descriptor = descriptor
        self._folder = folder
        self._at = start

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view."""
        with translated(self.head.key, self._folder):
            count = os.preadv(self._descriptor, [view], self._at)
        if not count:
            where = f"{self._folder}/{self.head.key}"
            raise StorageFailedError(5, "the file became shorter while it was read", where)
        self._at += count
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


class FileUpload:
    """A file beside its final name until it is complete (`Upload`)."""

    def __init__(self, folder: str, key: str, file: Path, is_only_new: bool, part_bytes: int) -> None:
        self._folder = folder
        self._key = key
        self._file = file
        self._is_only_new = is_only_new
        self._part_bytes = part_bytes
        with translated(key, folder, is_writing=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            self._partial = file.parent / f"{_PARTIAL}{os.urandom(8).hex()}"
            self._descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def put(self, number: int, body: memoryview, timeout_seconds: float) -> None:
        """Write a part."""
        at = number * self._part_bytes
        with translated(self._key, self._folder, is_writing=True):
            while len(body):
                count = os.pwrite(self._descriptor, body, at)
                at, body = at + count, body[count:]

    def complete(self) -> ObjectHead | None:
        """Give the file its name."""
        with translated(self._key, self._folder, is_writing=True):
            status = os.fstat(self._descriptor)
            os.close(self._descriptor)
            if not self._is_only_new:
                self._partial.replace(self._file)
                return _head_of(self._key, status)
            try:
                self._file.hardlink_to(self._partial)
            except FileExistsError:
                return None
            finally:
                self._partial.unlink()
        return _head_of(self._key, status)

    def abort(self) -> None:
        """Remove what there is of it."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._partial.unlink()


def bounds(span: Span, size: int, url: str, etag: str, wanted_etag: str) -> tuple[int, int]:
    """Where a span begins and ends in an object of so many bytes, as S3 answers it.

    Raises:
        S3ObjectReplacedError: another content was wanted.
        S3InvalidRangeError: nothing of it is there.
    """
    if wanted_etag not in {"", etag}:
        raise S3ObjectReplacedError(url)
    start = max(0, size + span.start) if span.start < 0 else span.start
    stop = size if span.stop is None else min(span.stop, size)
    if start >= size and not span.is_whole:
        raise S3InvalidRangeError(url, f"from {start} on: it has {size}")
    return start, max(start, stop)


def _head_of(key: str, status: os.stat_result) -> ObjectHead:
    etag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'
    return ObjectHead(key, status.st_size, etag, last_modified=status.st_mtime)
