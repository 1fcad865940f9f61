"""`S3`: objects by key, one or many, under the names that users of Metaflow know."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

from flowstone_datastore.s3.bucket import WHOLE, Listed, ObjectHead, PutHead, Span
from flowstone_datastore.s3.bulk import Ask, Bulk, OnBytes, note
from flowstone_datastore.s3.errors import S3InvalidUseError
from flowstone_datastore.s3.fetching import Fetched
from flowstone_datastore.s3.objects import (
    RangeInfo,
    S3GetObject,
    S3Object,
    S3PutObject,
    bytes_of,
    path_of,
    span_of,
    value_of,
)
from flowstone_datastore.s3.places import PART_BYTES, Place, Reach, place_of
from flowstone_datastore.s3.roots import connection_of, root_of
from flowstone_datastore.s3.sending import FileSource, MemorySource
from flowstone_datastore.s3.sinks import FileSink, MemorySink
from flowstone_datastore.s3.streams import ObjectReader, ObjectWriter
from flowstone_datastore.s3_settings import S3Connection
from flowstone_datastore.storage import Buffer
from flowstone_interfaces.python_310 import Self

Key = str | S3GetObject
Put = tuple[str, Any] | S3PutObject


class S3:
    """Objects of S3, of any service that speaks it, of folders (`file://`) and of memory (`memory://name`).

        with S3(s3root="s3://bucket/data") as s3:
            s3.put("a/hello.txt", "hello")
            print(s3.get("a/hello.txt").text)

    Keys are below `s3root` (or `bucket` and `prefix`, or, with `run`, the folder of a run below either); without
    one, and also with one, a key may be a whole URL. What is fetched lands in files in a folder below `tmproot`,
    which `close` and the end of a `with` block remove, or in memory with `in_memory`.

    A call returns exactly the bytes that were stored, or raises a `StorageError`: `ObjectNotFoundError`,
    `BucketNotFoundError`, `S3PermissionError` and others name the object and say what to do. What is tried again
    is given up after `patience_seconds` without a byte, or `deadline_seconds` after the call began.

    For one thread; clients are cheap, and share their connections.
    """

    def __init__(
        self,
        tmproot: str | os.PathLike[str] = ".",
        bucket: str | None = None,
        prefix: str | None = None,
        run: Any = None,
        s3root: str | None = None,
        encryption: str | None = None,
        client_params: Mapping[str, Any] | None = None,
        *,
        connection: S3Connection | None = None,
        in_memory: bool = False,
        connections: int | None = None,
        part_bytes: int = PART_BYTES,
        patience_seconds: float = 120.0,
        deadline_seconds: float | None = None,
        progress: bool | OnBytes = False,
    ) -> None:
        """Remember what is said; nothing is opened yet.

        Args:
            tmproot: The folder in which a folder for fetched files is made.
            bucket: The root is this bucket.
            prefix: What keys come behind in it.
            run: `Flow/run`, a `Run`, or in a task `self`: the root is the folder `Flow/run` below the given one.
            s3root: The root as a URL; `?endpoint_url=...&region=...&anonymous=true` says how it is reached.
            encryption: What `put` asks the service for: `AES256`, `aws:kms`.
            client_params: `endpoint_url` and `region_name`, as boto3 knows them.
            connection: How S3 is reached, for URLs that do not say it.
            in_memory: What is fetched lands in memory.
            connections: How many requests at once, at most.
            part_bytes: Larger objects move in parts of this size.
            patience_seconds: So long a request may bring nothing, however often it is tried again.
            deadline_seconds: So long a call may take.
            progress: A line on standard error for long transfers; or who is told of bytes, in any thread.

        Raises:
            S3InvalidUseError: what is said contradicts itself.
        """
        self._tmproot = Path(tmproot)
        self._encryption = encryption
        self._reach = Reach(connection or connection_of(client_params or {}), connections, part_bytes)
        self._root = root_of(bucket, prefix, run, s3root)
        self._in_memory = in_memory
        self._bulk = Bulk(patience_seconds, deadline_seconds, progress)
        self._folder: Path | None = None
        self._files = 0
        self._cleanup: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the fetched files. What was fetched into memory stays while it is used."""
        self._cleanup()
        self._folder = None

    # Reading

    def get(
        self,
        key: Key | None = None,
        return_missing: bool = False,
        return_info: bool = True,
        *,
        in_memory: bool | None = None,
    ) -> S3Object:
        """Fetch an object, or a range of it; the root itself if no key is given.

        Raises:
            ObjectNotFoundError: there is none, and `return_missing` is not set.
        """
        return self.get_many([key or ""], return_missing, return_info, in_memory=in_memory)[0]

    def get_many(
        self,
        keys: Iterable[Key],
        return_missing: bool = False,
        return_info: bool = True,
        *,
        in_memory: bool | None = None,
    ) -> list[S3Object]:
        """Fetch objects at once, in the order of their keys; see `get`. All are info'd anyway."""
        asked = [key if isinstance(key, S3GetObject) else S3GetObject(key) for key in keys]
        return self._fetch(
            [(each.key, self._place(each.key), span_of(each), "") for each in asked], return_missing, in_memory
        )

    def get_recursive(
        self, keys: Iterable[str], return_info: bool = False, *, in_memory: bool | None = None
    ) -> list[S3Object]:
        """Fetch all objects below folders."""
        found = [(each, line) for key in keys for each, line in self._list(key, is_recursive=True)]
        listed = [(self._key(place, line.key), place, line) for place, line in found]
        asked = [(key, attrs.evolve(at, key=line.key), WHOLE, line.etag) for key, at, line in listed]
        return self._fetch(asked, False, in_memory)

    def get_all(self, return_info: bool = False, *, in_memory: bool | None = None) -> list[S3Object]:
        """Fetch all objects below the root."""
        self._demand_root("get_all")
        return self.get_recursive([""], return_info, in_memory=in_memory)

    def download(self, key: str, path: str | os.PathLike[str], *, can_resume: bool = False) -> Path:
        """Fetch an object into a file of your own, which has its name only when it is whole.

        With `can_resume`, a later call for the same content goes on where this one was interrupted, from a
        hidden file beside it.
        """
        file = Path(path)
        self._bulk.fetch([Ask(self._place(key), FileSink(file, can_resume=can_resume), WHOLE)])
        return file

    def open(self, key: str) -> ObjectReader:
        """An object as an open file: read as it comes, seekable, always the same content.

        Wrap it in `io.BufferedReader` or `io.TextIOWrapper` for small reads.
        """
        place = self._place(key)
        reader = ObjectReader(place.bucket, place.key, place.pace, self._bulk.patience)
        note("read", place.bucket, reader.head, reader.head.size)
        return reader

    # Writing

    def put(
        self,
        key: str,
        obj: "str | Buffer | Any",
        overwrite: bool = True,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write text (as UTF-8), bytes or what an open file holds; the URL.

        Without `overwrite`, an object that is there stays. Readers see the old object or the new one, never a mix.
        """
        said = S3PutObject(key, obj, content_type=content_type, metadata=metadata)
        return self.put_many([said], overwrite)[0][1]

    def put_many(self, key_objs: Iterable[Put], overwrite: bool = True) -> list[tuple[str, str]]:
        """Write pairs of a key and a value, or `S3PutObject`s, at once; keys and URLs."""
        puts = [each if isinstance(each, S3PutObject) else S3PutObject(*each) for each in key_objs]
        return self._send([(each, MemorySource(bytes_of(value_of(each), each.key))) for each in puts], overwrite)

    def put_files(
        self, key_paths: "Iterable[tuple[str, str | os.PathLike[str]] | S3PutObject]", overwrite: bool = True
    ) -> list[tuple[str, str]]:
        """Write files: pairs of a key and a path, or `S3PutObject`s with a path; keys and URLs."""
        puts = [
            each if isinstance(each, S3PutObject) else S3PutObject(each[0], path=each[1]) for each in key_paths
        ]
        return self._send([(each, FileSource(Path(path_of(each)))) for each in puts], overwrite)

    def create(
        self, key: str, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> ObjectWriter:
        """An object as an open file to write: it appears when that is closed, and not at all after an error."""
        place = self._place(key)
        head = PutHead(content_type, self._encryption, metadata or {})
        return ObjectWriter(
            place.bucket,
            place.key,
            place.pace,
            self._bulk.patience,
            head,
            lambda written: note("written", place.bucket, written, written.size),
        )

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        self.delete_many([key])

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand by one request."""
        self._bulk.delete([self._place(key) for key in keys])

    # Looking

    def info(self, key: str | None = None, return_missing: bool = False) -> S3Object:
        """What the place says of an object; nothing is fetched."""
        return self.info_many([key or ""], return_missing)[0]

    def info_many(self, keys: Iterable[str], return_missing: bool = False) -> list[S3Object]:
        """What the place says of objects, in the order of their keys."""
        names = list(keys)
        places = [self._place(key) for key in names]
        heads = self._bulk.heads(places, is_missing_fine=return_missing)
        return [
            S3Object(place.bucket.url + place.key, key, self._root, head is not None, head)
            for key, place, head in zip(names, places, heads, strict=True)
        ]

    def list_paths(self, keys: Iterable[str] | None = None) -> list[S3Object]:
        """Objects and folders directly below folders (the root); `exists` tells objects from folders."""
        return self._listing(keys, is_recursive=False)

    def list_recursive(self, keys: Iterable[str] | None = None) -> list[S3Object]:
        """All objects below folders (the root)."""
        return self._listing(keys, is_recursive=True)

    # How

    def _listing(self, keys: Iterable[str] | None, *, is_recursive: bool) -> list[S3Object]:
        if keys is None:
            self._demand_root("listing without keys")
        return [
            S3Object(
                place.bucket.url + line.key,
                self._key(place, line.key),
                self._root,
                line.size is not None,
                None
                if line.size is None
                else ObjectHead(line.key, line.size, line.etag, last_modified=line.last_modified),
            )
            for key in (keys if keys is not None else [""])
            for place, line in self._list(key, is_recursive=is_recursive)
        ]

    def _list(self, key: str, *, is_recursive: bool) -> Iterator[tuple[Place, Listed]]:
        place = self._place(key)
        folder = place.key if not place.key or place.key.endswith("/") else f"{place.key}/"
        for line in place.bucket.list(folder, is_recursive=is_recursive):
            yield place, line

    def _fetch(
        self,
        asked: Sequence[tuple[str, Place, Span, str]],
        is_missing_fine: bool,
        in_memory: bool | None,
    ) -> list[S3Object]:
        to_memory = self._in_memory if in_memory is None else in_memory
        sinks = [MemorySink() if to_memory else FileSink(self._new_file(key)) for key, *_ in asked]
        asks = [Ask(place, sink, span, etag) for (_, place, span, etag), sink in zip(asked, sinks, strict=True)]
        found = self._bulk.fetch(asks, is_missing_fine=is_missing_fine)
        return [
            self._object(key, place, sink, fetched)
            for (key, place, *_), sink, fetched in zip(asked, sinks, found, strict=True)
        ]

    def _object(self, key: str, place: Place, sink: MemorySink | FileSink, fetched: Fetched | None) -> S3Object:
        url = place.bucket.url + place.key
        if fetched is None:
            return S3Object(url, key, self._root, exists=False)
        size = fetched.stop - fetched.start
        return S3Object(
            url,
            key,
            self._root,
            True,
            fetched.head,
            RangeInfo(fetched.head.size, fetched.start, size),
            sink.path if isinstance(sink, FileSink) else None,
            sink.buffer if isinstance(sink, MemorySink) else None,
            self._new_file,
        )

    def _send(
        self, puts: Sequence[tuple[S3PutObject, MemorySource | FileSource]], overwrite: bool
    ) -> list[tuple[str, str]]:
        places = [self._place(put.key) for put, _ in puts]
        self._bulk.send(
            [
                (place, source, self._said(put, overwrite))
                for (put, source), place in zip(puts, places, strict=True)
            ]
        )
        return [(put.key, place.bucket.url + place.key) for (put, _), place in zip(puts, places, strict=True)]

    def _said(self, put: S3PutObject, overwrite: bool) -> PutHead:
        return PutHead(
            put.content_type, put.encryption or self._encryption, put.metadata or {}, is_only_new=not overwrite
        )

    def _place(self, key: str) -> Place:
        if "://" in key:
            return place_of(key, self._reach)
        if not self._root:
            raise S3InvalidUseError(f"the key {key!r} says no bucket", "give s3root, or whole URLs as keys")
        root, question, options = self._root.partition("?")
        joined = f"{root.rstrip('/')}/{key}" if key else root
        return place_of(f"{joined}{question}{options}", self._reach)

    def _key(self, place: Place, key: str) -> str:
        """What a listed key is below the root, or as a URL if there is no root or it is not below it."""
        if self._root:
            root = self._place("").key.rstrip("/")
            if not root:
                return key
            if key.startswith(f"{root}/"):
                return key[len(root) + 1 :]
        return place.bucket.url + key

    def _demand_root(self, what: str) -> None:
        if not self._root:
            raise S3InvalidUseError(f"{what} needs a root", "give s3root, or name what you want")

    def _new_file(self, key: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="flowstone.s3.", dir=self._tmproot))
            self._cleanup = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._files += 1
        return self._folder / f"{self._files}-{key.rstrip('/').rpartition('/')[2][-100:]}"
