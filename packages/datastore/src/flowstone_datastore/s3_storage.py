"""Objects in a bucket of S3, or of a service that speaks its language.

An object is one key, except one that was appended to beyond 256 KiB: `s3_appending` says how that is kept.
Requests that fail are tried again, further and further apart; what still fails says why.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flowstone_datastore.s3_appending import FULL_BYTES, PART_NAME, Appender, Tail, part_key
from flowstone_datastore.s3_client import MOST_CONNECTIONS, botocore_exceptions, client_for
from flowstone_datastore.s3_errors import ReservedObjectPathError
from flowstone_datastore.s3_failures import is_absent, status_of, translated_s3
from flowstone_datastore.s3_reading import RANGE_BYTES, S3Reader, Stretch
from flowstone_datastore.s3_retries import RetryBudget
from flowstone_datastore.s3_settings import S3Settings
from flowstone_datastore.s3_writing import PART_BYTES, S3Writer
from flowstone_datastore.storage import Data, ObjectStatus, buffers_of, check_folder, check_path
from flowstone_interfaces.python_310 import Self

_MOST_DELETED = 1000  # S3's limit for one request


class S3Storage:
    """A `Storage` that keeps each object under a key of a bucket.

    `range_bytes` and `part_bytes` say from which size on objects are read and written in parallel
    pieces, and how large a piece is. Times of `status` are whole seconds.
    """

    def __init__(
        self, settings: S3Settings, *, range_bytes: int = RANGE_BYTES, part_bytes: int = PART_BYTES
    ) -> None:
        self._settings = settings
        budget = RetryBudget()
        self._reader = S3Reader(settings, budget, range_bytes)
        self._writer = S3Writer(settings, budget, part_bytes)
        self._appender = Appender(
            lambda key, data: self._writer.put(key, (data,), only_new=True),
            lambda key, data: self._writer.put(key, (data,)),
            self._load_tail,
        )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The storage of `s3://bucket/prefix?endpoint_url=...&region=...&anonymous=true&addressing=path`.

        Connects to nothing yet. Credentials are found as boto3 finds them.

        Raises:
            InvalidS3UrlError: it names no bucket, or holds what it may not, such as credentials.
        """
        return cls(S3Settings.from_url(url))

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`, and how to reach it: opens the same storage in another process, too."""
        return self._settings.url

    def __repr__(self) -> str:
        return f"S3Storage({self.url!r})"

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Storage.read`."""
        key = self._key(path)
        if length == 0:
            self.status(path)  # S3 knows no empty range
            return b""
        stop = None if length is None else start + length
        with translated_s3(path, self._settings):
            first = self._reader.read(key, start, stop)
            if first.size != FULL_BYTES or (stop is not None and stop <= FULL_BYTES):
                return first.data
            return b"".join([first.data, *self._later_parts(key, start, stop)])

    def status(self, path: str) -> ObjectStatus:
        """See `Storage.status`."""
        key = self._key(path)
        with translated_s3(path, self._settings):
            answer = self._client.head_object(Bucket=self._settings.bucket, Key=key)
            size, modified = int(answer["ContentLength"]), answer["LastModified"].timestamp()
            if size == FULL_BYTES:
                for part in self._parts(key):
                    if part["Key"] != part_key(key, size // FULL_BYTES):
                        break
                    size += part["Size"]
                    modified = max(modified, part["LastModified"].timestamp())
            return ObjectStatus(size, modified)

    def touch(self, path: str) -> None:
        """See `Storage.touch`. Copies the object onto itself; S3 does so up to 5 GiB."""
        target = {"Bucket": self._settings.bucket, "Key": self._key(path)}
        with translated_s3(path, self._settings, is_writing=True):
            self._client.copy_object(**target, CopySource=target, MetadataDirective="REPLACE")

    def write(self, path: str, data: Data) -> None:
        """See `Storage.write`."""
        key = self._key(path)
        self._appender.forget(key)
        buffers = buffers_of(data)
        with translated_s3(path, self._settings, is_writing=True):
            if sum([memoryview(buffer).nbytes for buffer in buffers]) == FULL_BYTES:
                self._delete_key(part_key(key, 1))  # it would be taken for the next part of this one
            self._writer.put(key, buffers)

    def write_new(self, path: str, data: Data) -> bool:
        """See `Storage.write_new`."""
        key = self._key(path)
        with translated_s3(path, self._settings, is_writing=True):
            return self._writer.put(key, buffers_of(data), only_new=True)

    def append(self, path: str, data: Data) -> int:
        """See `Storage.append`."""
        with translated_s3(path, self._settings, is_writing=True):
            return self._appender.append(self._key(path), b"".join(buffers_of(data)))

    def list(self, folder: str = "") -> Iterator[str]:
        """See `Storage.list`. Asks for the next thousand names when it comes to them."""
        return self._names(check_folder(folder))

    def delete(self, path: str) -> None:
        """See `Storage.delete`. Parts go first, the last one before the others: what is left is a prefix."""
        key = self._key(path)
        self._appender.forget(key)
        with translated_s3(path, self._settings, is_writing=True):
            for part in reversed([*self._parts(key)]):
                self._delete_key(part["Key"])
            self._delete_key(key)

    def delete_whole(self, paths: Sequence[str]) -> None:
        """See `DeletesMany.delete_whole`. A thousand by each request."""
        for at in range(0, len(paths), _MOST_DELETED):
            some = paths[at : at + _MOST_DELETED]
            keys = [{"Key": self._key(path)} for path in some]
            with translated_s3(some[0], self._settings, is_writing=True):
                answer = self._client.delete_objects(
                    Bucket=self._settings.bucket, Delete={"Objects": keys, "Quiet": True}
                )
                for error in answer.get("Errors", [])[:1]:  # told in the body of a success, without a status
                    status = 403 if error.get("Code") == "AccessDenied" else 500
                    refused = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
                    raise botocore_exceptions().ClientError(refused, "DeleteObjects")

    @property
    def _client(self) -> Any:
        return client_for(self._settings)

    def _key(self, path: str) -> str:
        check_path(path)
        if PART_NAME.search(path):
            raise ReservedObjectPathError(path)
        return self._prefixed(path)

    def _prefixed(self, path: str) -> str:
        return f"{self._settings.prefix}/{path}" if self._settings.prefix else path

    def _delete_key(self, key: str) -> None:
        self._client.delete_object(Bucket=self._settings.bucket, Key=key)

    def _names(self, folder: str) -> Iterator[str]:
        prefix = self._prefixed(f"{folder}/" if folder else "")
        pages = self._pages(Prefix=prefix, Delimiter="/")
        while True:
            with translated_s3(folder, self._settings):
                page = next(pages, None)
            if page is None:
                return
            keys = [item["Key"] for item in page.get("Contents", [])]
            folders = [item["Prefix"] for item in page.get("CommonPrefixes", [])]
            # S3 sorts both by their bytes; it only hands them out apart.
            names = sorted([key[len(prefix) :] for key in keys + folders])
            yield from [name for name in names if name and not PART_NAME.search(name)]

    def _pages(self, **query: str) -> Iterator[dict[str, Any]]:
        while True:
            page = self._client.list_objects_v2(Bucket=self._settings.bucket, **query)
            yield page
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]

    def _parts(self, key: str) -> Iterator[dict[str, Any]]:
        """What S3 knows of each part of an object but the first, in order, whether or not others are missing."""
        for page in self._pages(Prefix=f"{key}~"):
            for item in page.get("Contents", []):
                if PART_NAME.fullmatch(item["Key"], len(key)):
                    yield item

    def _later_parts(self, key: str, start: int, stop: int | None) -> Iterator[bytes]:
        """What the parts after the first one hold of a range, asking for more and more of them at once."""
        index, at_once = max(1, start // FULL_BYTES), 1
        with ThreadPoolExecutor(MOST_CONNECTIONS) as pool:
            while stop is None or index * FULL_BYTES < stop:
                end = index + at_once
                indexes = range(index, end if stop is None else min(end, -(-stop // FULL_BYTES)))
                for part in pool.map(lambda index: self._part(key, index, start, stop), indexes):
                    if part is None:
                        return
                    yield part.data
                    if part.size != FULL_BYTES:
                        return
                index, at_once = end, min(2 * at_once, MOST_CONNECTIONS)

    def _part(self, key: str, index: int, start: int, stop: int | None) -> Stretch | None:
        """What a part holds of a range of the whole; `None` if there is no such part."""
        offset = index * FULL_BYTES
        try:
            return self._reader.read(
                part_key(key, index), max(0, start - offset), None if stop is None else stop - offset
            )
        except self._client.exceptions.ClientError as error:
            if is_absent(error) or status_of(error) == 404:
                return None
            raise

    def _load_tail(self, key: str) -> Tail:
        """What an append goes on from, of an object that others may have written."""
        try:
            first = self._reader.read(key, 0, None)
        except self._client.exceptions.ClientError as error:
            if is_absent(error):
                return Tail(0, b"")
            raise
        tail = Tail(0, first.data)
        if first.size != FULL_BYTES:
            return tail
        last = 0
        for item in self._parts(key):
            if item["Key"] != part_key(key, last + 1):
                break
            last += 1
            if item["Size"] != FULL_BYTES:
                break
        return Tail(last, self._reader.read(part_key(key, last), 0, None).data)
