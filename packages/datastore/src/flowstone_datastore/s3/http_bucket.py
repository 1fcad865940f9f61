"""The fast lane: objects of an S3 bucket over kept connections; listing, deleting and the like by boto3.

Each body goes from the system straight into the memory where it stays. Connections are the process's own: a
forked child opens others.
"""

import os
import ssl
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from types import TracebackType

from flowstone_datastore.s3.answers import content_range, head_of
from flowstone_datastore.s3.boto_bucket import BotoBucket
from flowstone_datastore.s3.bucket import Listed, ObjectHead, PutHead, Span
from flowstone_datastore.s3.checksums import algorithms
from flowstone_datastore.s3.connection import Connection, request_head
from flowstone_datastore.s3.endpoint import Endpoint
from flowstone_datastore.s3.errors import S3InvalidUseError, S3ObjectReplacedError
from flowstone_datastore.s3.refusals import broken, refusal_of
from flowstone_datastore.s3.signing import Signer, quoted_key
from flowstone_datastore.s3.upload import S3Upload
from flowstone_datastore.s3_client import credentials_for
from flowstone_datastore.s3_settings import S3Settings
from flowstone_interfaces.python_310 import Self

_CONNECT_SECONDS = 10.0
_MOST_UNREAD_BYTES = 256 * 1024  # what is left of a body is read if it is no more, else the connection is ended
_MOST_IDLE = 64


class HttpBucket:
    """Objects of one bucket (`Bucket`)."""

    def __init__(self, settings: S3Settings, endpoint: Endpoint, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._settings = settings
        self.endpoint = endpoint
        self._host = endpoint.host_header
        self._control = BotoBucket(settings, part_bytes)
        self._idle: deque[tuple[int, Connection]] = deque(maxlen=_MOST_IDLE)

    @property
    def url(self) -> str:
        """What the keys come behind."""
        return self._control.url

    def open(self, key: str, span: Span, etag: str, timeout_seconds: float) -> "HttpReading":
        """Begin to read; see `Bucket`."""
        headers = {"x-amz-checksum-mode": "ENABLED"} if span.is_whole else {"range": _range(span)}
        if etag:
            headers["if-match"] = etag
        connection, status, found = self._exchange("GET", key, "", headers, None, timeout_seconds)
        whole = (0, connection.left, connection.left) if status == 200 else None
        start, stop, size = content_range(found) or whole or (0, -1, -1)
        head = head_of(key, size, found)
        if stop - start != connection.left or (etag and head.etag != etag):
            connection.close()
            if stop - start == -1 or head.etag == etag:
                raise broken(ConnectionError("the answer is not what was asked for"), key, self._settings)
            raise S3ObjectReplacedError(self._settings.place_of(key))
        return HttpReading(self, connection, head, start, stop)

    def head(self, key: str, timeout_seconds: float) -> ObjectHead:
        """What S3 says of the object."""
        headers = {"x-amz-checksum-mode": "ENABLED"}
        connection, _, found = self._exchange("HEAD", key, "", headers, None, timeout_seconds)
        self.release(connection)
        return head_of(key, int(found.get("content-length", "0")), found)

    def put(self, key: str, body: memoryview, head: PutHead, timeout_seconds: float) -> ObjectHead | None:
        """Make `body` the object, at once; see `Bucket`."""
        algorithm = algorithms()[0]
        headers = {**put_headers(head), **algorithm.stated(algorithm.update(body, 0))}
        try:
            found = self.send(key, "", body, headers, timeout_seconds)
        except S3ObjectReplacedError:  # 412: there is one
            return None
        return head_of(key, len(body), found)

    def send(
        self, key: str, query: str, body: memoryview, headers: Mapping[str, str], timeout_seconds: float
    ) -> dict[str, str]:
        """PUT some bytes; the headers of the answer."""
        sized = {**headers, "content-length": str(len(body))}
        connection, _, found = self._exchange("PUT", key, query, sized, body, timeout_seconds)
        self.release(connection)
        return found

    def begin(self, key: str, head: PutHead, part_bytes: int) -> "S3Upload":
        """Begin to write an object in parts of so many bytes, the last one less."""
        return S3Upload(self._settings, key, head, self.send)

    def list(self, prefix: str, *, is_recursive: bool) -> Iterator[Listed]:
        """What is below a prefix, or directly below it."""
        return self._control.list(prefix, is_recursive=is_recursive)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand by one request."""
        self._control.delete(keys)

    def release(self, connection: Connection) -> None:
        """Take a connection back: it is kept if its answer was read, or is with little effort."""
        try:
            if connection.is_reusable and connection.left <= _MOST_UNREAD_BYTES:
                connection.receive_all()
        except OSError:
            connection.close()
        if connection.is_reusable and not connection.left and len(self._idle) < _MOST_IDLE:
            self._idle.append((os.getpid(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """End the kept connections; others are opened when they are needed."""
        while self._idle:
            self._idle.pop()[1].close()

    def _exchange(
        self,
        method: str,
        key: str,
        query: str,
        headers: Mapping[str, str],
        body: memoryview | None,
        timeout_seconds: float,
    ) -> tuple[Connection, int, dict[str, str]]:
        """Send a request and take a success; the connection still has the body.

        Raises:
            TransientError, StorageError: there was none.
        """
        path = self.endpoint.path + quoted_key(key)
        signed = self._signer.sign(method, path, query, {"host": self._host, **headers})
        head = request_head(method, f"{path}?{query}" if query else path, signed)
        try:
            connection, status, found = self._answered(head, body, method, timeout_seconds)
        except OSError as error:
            raise broken(error, key, self._settings) from error
        if status in {200, 204, 206}:
            return connection, status, found
        try:
            refused = b"" if method == "HEAD" else connection.receive_all()
        except OSError as error:
            connection.close()
            raise broken(error, key, self._settings) from error
        self.release(connection)
        is_writing = method == "PUT"
        if status == 412 and is_writing:
            raise S3ObjectReplacedError(self._settings.place_of(key))
        raise refusal_of(status, found, refused, key, self._settings, is_writing=is_writing)

    def _answered(
        self, head: bytes, body: memoryview | None, method: str, timeout_seconds: float
    ) -> tuple[Connection, int, dict[str, str]]:
        """Over a kept connection if there is one; if the server has ended that meanwhile, over a new one."""
        while True:
            connection = self._connection(timeout_seconds)
            is_kept = connection.was_used
            try:
                return connection, *connection.request(head, body, method, timeout_seconds)
            except TimeoutError:
                connection.close()
                raise
            except OSError:
                connection.close()
                if not is_kept:
                    raise

    def _connection(self, timeout_seconds: float) -> Connection:
        while self._idle:
            try:
                process, connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if process == os.getpid():
                return connection
            connection.close()
        return Connection(self.endpoint, self._tls, min(_CONNECT_SECONDS, timeout_seconds))

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        """The authorities that botocore trusts: AWS_CA_BUNDLE, the profile's ca_bundle, or its own."""
        if not self.endpoint.is_tls:
            return None
        configured = import_module("botocore.session").get_session().get_config_variable("ca_bundle")
        bundle = configured or import_module("botocore.httpsession").get_cert_path(True)
        return ssl.create_default_context(cafile=bundle)

    @cached_property
    def _signer(self) -> Signer:
        return Signer(credentials_for(self._settings), self.endpoint.region)


class HttpReading:
    """A body under way (`Reading`)."""

    def __init__(
        self, bucket: HttpBucket, connection: Connection, head: ObjectHead, start: int, stop: int
    ) -> None:
        self.head = head
        self.start = start
        self.stop = stop
        self._bucket = bucket
        self._connection = connection

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view from the body; see `Reading`."""
        try:
            return self._connection.receive(view, timeout_seconds)
        except OSError as error:
            raise broken(error, self.head.key, self._bucket._settings) from error  # noqa: SLF001 - its own reading

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._connection.close()
        self._bucket.release(self._connection)


def put_headers(head: PutHead) -> dict[str, str]:
    """What is said of an object, as headers."""
    headers = {f"x-amz-meta-{name.lower()}": value for name, value in head.metadata.items()}
    if head.content_type:
        headers["content-type"] = head.content_type
    if head.encryption:
        headers["x-amz-server-side-encryption"] = head.encryption
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise S3InvalidUseError(f"{name}: {value!r} cannot be sent", "metadata are printable ASCII")
    if head.is_only_new:
        headers["if-none-match"] = "*"
    return headers


def _range(span: Span) -> str:
    if span.start < 0:
        return f"bytes={span.start}"
    return f"bytes={span.start}-{'' if span.stop is None else span.stop - 1}"
