"""An S3 object in parts: parts by whoever sends them, the rest by boto3."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from hashlib import md5
from typing import Any
from urllib.parse import quote

from flowstone_datastore.s3.bucket import ObjectHead, PutHead
from flowstone_datastore.s3.checksums import algorithms
from flowstone_datastore.s3_client import client_for
from flowstone_datastore.s3_failures import code_of, status_of, translated_s3
from flowstone_datastore.s3_settings import S3Settings

Send = Callable[[str, str, memoryview, Mapping[str, str], float], Mapping[str, str]]
"""`send(key, query, body, headers, timeout_seconds)` PUTs bytes; the headers of the answer."""

_FIELDS = {"crc32": "ChecksumCRC32", "crc32c": "ChecksumCRC32C", "crc64nvme": "ChecksumCRC64NVME"}


class S3Upload:
    """An object that nobody sees before `complete` (`Upload`). Parts may be put from several threads."""

    def __init__(self, settings: S3Settings, key: str, head: PutHead, send: Send) -> None:
        self._settings = settings
        self._key = key
        self._head = head
        self._send = send
        self._parts: dict[int, tuple[str, int, int]] = {}  # number -> ETag, sum, length
        self._lock = threading.Lock()
        self._algorithm = algorithms()[0]
        self._target = {"Bucket": settings.bucket, "Key": key}
        said: dict[str, Any] = {"Metadata": dict(head.metadata)}
        if head.content_type:
            said["ContentType"] = head.content_type
        if head.encryption:
            said["ServerSideEncryption"] = head.encryption
        if settings.connection.endpoint_url is None:  # other services may not know the sum of a whole
            said["ChecksumAlgorithm"] = self._algorithm.name.upper()
            said["ChecksumType"] = "FULL_OBJECT"
        with translated_s3(key, settings, is_writing=True):
            self._id: str = client_for(settings).create_multipart_upload(**self._target, **said)["UploadId"]

    def put(self, number: int, body: memoryview, timeout_seconds: float) -> None:
        """Send a part."""
        query = f"partNumber={number + 1}&uploadId={quote(self._id, safe='-_.~')}"
        value = self._algorithm.update(body, 0)
        found = self._send(self._key, query, body, self._algorithm.stated(value), timeout_seconds)
        with self._lock:
            self._parts[number] = (found.get("etag", ""), value, len(body))

    def complete(self) -> ObjectHead | None:
        """Make the parts the object."""
        parts = [self._parts[number] for number in range(len(self._parts))]
        listed = [{"PartNumber": number + 1, "ETag": part[0]} for number, part in enumerate(parts)]
        said: dict[str, Any] = {"IfNoneMatch": "*"} if self._head.is_only_new else {}
        if self._settings.connection.endpoint_url is None:
            field = _FIELDS[self._algorithm.name]
            for part, line in zip(parts, listed, strict=True):
                line[field] = self._algorithm.text(part[1])
            said["ChecksumType"] = "FULL_OBJECT"
            said[field] = self._algorithm.text(self._algorithm.combined([part[1:] for part in parts]))
        size = sum([part[2] for part in parts])
        client = client_for(self._settings)
        with translated_s3(self._key, self._settings, is_writing=True):
            try:
                answer = client.complete_multipart_upload(
                    **self._target, UploadId=self._id, MultipartUpload={"Parts": listed}, **said
                )
            except client.exceptions.ClientError as error:
                if status_of(error) == 412 and self._head.is_only_new:
                    self.abort()
                    return None
                found = self._found() if code_of(error) == "NoSuchUpload" else None
                if found is None or found["ContentLength"] != size or found["ETag"] != _etag(parts):
                    raise
                answer = found  # an answer before this one got lost
        return ObjectHead(self._key, size, answer.get("ETag", ""), answer.get("VersionId", ""))

    def abort(self) -> None:
        """Forget the parts: they are invisible and cost money; a rule of the bucket may end them, too."""
        with contextlib.suppress(Exception):
            client_for(self._settings).abort_multipart_upload(**self._target, UploadId=self._id)

    def _found(self) -> Any:
        with contextlib.suppress(client_for(self._settings).exceptions.ClientError):
            return client_for(self._settings).head_object(**self._target)
        return None


def _etag(parts: list[tuple[str, int, int]]) -> str:
    """The ETag of an object made of parts: the MD5 of theirs, and their number."""
    with contextlib.suppress(ValueError):
        joined = b"".join([bytes.fromhex(part[0].strip('"')) for part in parts])
        return f'"{md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'
    return ""
