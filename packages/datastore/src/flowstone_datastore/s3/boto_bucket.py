"""Objects of an S3 bucket by boto3: what the fast lane leaves to it, and all of it where there is no fast lane."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from flowstone_datastore.s3.answers import content_range, head_of
from flowstone_datastore.s3.bucket import Listed, ObjectHead, PutHead, Span
from flowstone_datastore.s3.refusals import refusal_for
from flowstone_datastore.s3.upload import S3Upload
from flowstone_datastore.s3_client import botocore_exceptions, client_for
from flowstone_datastore.s3_failures import status_of, translated_s3
from flowstone_datastore.s3_settings import S3Settings
from flowstone_interfaces.python_310 import Self

_MOST_DELETED_AT_ONCE = 1_000


class BotoBucket:
    """Objects of one bucket (`Bucket`), slower, through proxies and to every kind of bucket that boto3 knows."""

    def __init__(self, settings: S3Settings, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._settings = settings

    @property
    def url(self) -> str:
        """What the keys come behind."""
        return f"s3://{self._settings.bucket}/"

    def open(self, key: str, span: Span, etag: str, timeout_seconds: float) -> "BotoReading":
        """Begin to read; see `Bucket`."""
        said: dict[str, Any] = {"IfMatch": etag} if etag else {}
        if not span.is_whole:
            stop = "" if span.stop is None else span.stop - 1
            said["Range"] = f"bytes={span.start}" if span.start < 0 else f"bytes={span.start}-{stop}"
        with _refused(key, self._settings):
            answer = self._client.get_object(**self._target(key), **said)
        return BotoReading(self._settings, key, answer)

    def head(self, key: str, timeout_seconds: float) -> ObjectHead:
        """What S3 says of the object."""
        with _refused(key, self._settings):
            answer = self._client.head_object(**self._target(key))
        return head_of(key, int(answer["ContentLength"]), _headers(answer))

    def put(self, key: str, body: memoryview, head: PutHead, timeout_seconds: float) -> ObjectHead | None:
        """Make `body` the object, at once; see `Bucket`."""
        said: dict[str, Any] = {"Metadata": dict(head.metadata)}
        if head.content_type:
            said["ContentType"] = head.content_type
        if head.encryption:
            said["ServerSideEncryption"] = head.encryption
        if head.is_only_new:
            said["IfNoneMatch"] = "*"
        with _refused(key, self._settings, is_writing=True):
            try:
                answer = self._client.put_object(**self._target(key), Body=bytes(body), **said)
            except self._client.exceptions.ClientError as error:
                if head.is_only_new and status_of(error) == 412:
                    return None
                raise
        return head_of(key, len(body), _headers(answer))

    def begin(self, key: str, head: PutHead, part_bytes: int) -> S3Upload:
        """Begin to write an object in parts of so many bytes, the last one less."""
        return S3Upload(self._settings, key, head, self._send_part)

    def list(self, prefix: str, *, is_recursive: bool) -> Iterator[Listed]:
        """What is below a prefix, or directly below it."""
        query: dict[str, Any] = {} if is_recursive else {"Delimiter": "/"}
        while True:
            with translated_s3(prefix, self._settings):
                page = self._client.list_objects_v2(Bucket=self._settings.bucket, Prefix=prefix, **query)
            lines = [
                Listed(item["Key"], item["Size"], item.get("ETag", ""), item["LastModified"].timestamp())
                for item in page.get("Contents", [])
            ]
            lines += [Listed(item["Prefix"]) for item in page.get("CommonPrefixes", [])]
            yield from sorted(lines, key=lambda line: line.key)
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand by one request."""
        for at in range(0, len(keys), _MOST_DELETED_AT_ONCE):
            some = [{"Key": key} for key in keys[at : at + _MOST_DELETED_AT_ONCE]]
            with translated_s3(keys[at], self._settings, is_writing=True):
                answer = self._client.delete_objects(
                    Bucket=self._settings.bucket, Delete={"Objects": some, "Quiet": True}
                )
                for error in answer.get("Errors", []):
                    status = 403 if error.get("Code") == "AccessDenied" else 500
                    refused = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
                    raise botocore_exceptions().ClientError(refused, "DeleteObjects")

    def close(self) -> None:
        """Nothing to end: boto3's client is the process's."""

    def _send_part(
        self, key: str, query: str, body: memoryview, headers: Mapping[str, str], timeout_seconds: float
    ) -> Mapping[str, str]:
        from urllib.parse import parse_qs

        where = parse_qs(query)
        target = {**self._target(key), "UploadId": where["uploadId"][0]}
        with _refused(key, self._settings, is_writing=True):
            answer = self._client.upload_part(**target, PartNumber=int(where["partNumber"][0]), Body=bytes(body))
        return _headers(answer)

    @property
    def _client(self) -> Any:
        return client_for(self._settings)

    def _target(self, key: str) -> dict[str, str]:
        return {"Bucket": self._settings.bucket, "Key": key}


class BotoReading:
    """A body under way (`Reading`)."""

    def __init__(self, settings: S3Settings, key: str, answer: Any) -> None:
        headers = _headers(answer)
        length = int(answer["ContentLength"])
        self.start, self.stop, size = content_range(headers) or (0, length, length)
        self.head = head_of(key, size, headers)
        self._settings = settings
        self._body = answer["Body"]

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view from the body; see `Reading`."""
        with _refused(self.head.key, self._settings):
            if timeout_seconds <= 0:
                raise botocore_exceptions().ReadTimeoutError(endpoint_url=self._settings.url)
            count = int(self._body.readinto(view))
            if not count:
                raise botocore_exceptions().IncompleteReadError(actual_bytes=0, expected_bytes=len(view))
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._body.close()


class _refused:  # noqa: N801 - a context manager, read as a verb
    """Raise botocore's errors of the body as what they mean for an object: an error, or one to try again after."""

    def __init__(self, key: str, settings: S3Settings, *, is_writing: bool = False) -> None:
        self._key = key
        self._settings = settings
        self._is_writing = is_writing

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        exceptions = botocore_exceptions()
        if isinstance(error, (exceptions.BotoCoreError, exceptions.ClientError)):
            raise refusal_for(error, self._key, self._settings, is_writing=self._is_writing) from error


def _headers(answer: Any) -> dict[str, str]:
    found: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return found
