"""Whole S3 objects: one request each, or parts in parallel if they are large."""

import contextlib
import os
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

from flowstone_datastore.s3_client import client_for
from flowstone_datastore.s3_failures import code_of, status_of
from flowstone_datastore.s3_retries import RetryBudget
from flowstone_datastore.s3_settings import S3Settings
from flowstone_datastore.storage import Buffer

PART_BYTES = 16 * 1024 * 1024
"""What is larger goes in parts of this size; S3 wants 5 MiB at least."""

_MOST_PARTS = 10_000  # S3's limit
_PARTS_AT_ONCE = 8  # each is a copy in memory while it is under way
_CHECKSUMS = ("ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256")
_TOKEN = "flowstone-write"  # noqa: S105 - the name of a field, no secret


class S3Writer:
    """Writes objects of one bucket. For any thread and process; raises what botocore raises."""

    def __init__(self, settings: S3Settings, budget: RetryBudget, part_bytes: int = PART_BYTES) -> None:
        self._settings = settings
        self._budget = budget
        self._part_bytes = part_bytes

    def put(self, key: str, buffers: Sequence[Buffer], *, only_new: bool = False) -> bool:
        """Make the buffers, joined, the object; with `only_new`, `False` and no change if there is one."""
        views = [memoryview(buffer).cast("B") for buffer in buffers if memoryview(buffer).nbytes]
        size = sum([len(view) for view in views])
        token = os.urandom(8).hex()  # tells our own object from another's when the answer got lost
        failures = 0
        while True:
            try:
                if size > self._part_bytes:
                    self._put_parts(key, views, size, token, only_new=only_new)
                else:
                    condition: dict[str, Any] = {"IfNoneMatch": "*"} if only_new else {}
                    self._client.put_object(
                        **self._target(key), Body=_joined(views), Metadata={_TOKEN: token}, **condition
                    )
            except self._client.exceptions.ClientError as error:
                if only_new and status_of(error) == 412:
                    return _was_retried(error) and self._is_ours(key, token)
                if code_of(error) == "NoSuchUpload" and self._is_ours(key, token):
                    return True
                failures += 1
                if code_of(error) != "ConditionalRequestConflict" or not self._budget.allows(failures):
                    raise
            else:
                self._budget.succeeded()
                return True

    @property
    def _client(self) -> Any:
        return client_for(self._settings)

    def _target(self, key: str) -> dict[str, str]:
        return {"Bucket": self._settings.bucket, "Key": key}

    def _put_parts(self, key: str, views: list[memoryview], size: int, token: str, *, only_new: bool) -> None:
        """Upload all parts, then make them the object at once; nothing is left if that fails."""
        part_bytes = max(self._part_bytes, -(-size // _MOST_PARTS))
        ends = [*accumulate([len(view) for view in views])]
        upload = {
            **self._target(key),
            "UploadId": self._client.create_multipart_upload(**self._target(key), Metadata={_TOKEN: token})[
                "UploadId"
            ],
        }

        def send(number: int) -> dict[str, Any]:
            start = (number - 1) * part_bytes
            body = _cut(views, ends, start, min(start + part_bytes, size))
            answer = self._client.upload_part(**upload, PartNumber=number, Body=body)
            sums = {name: answer[name] for name in _CHECKSUMS if name in answer}
            return {"PartNumber": number, "ETag": answer["ETag"], **sums}

        try:
            with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
                sending = [pool.submit(send, number) for number in range(1, -(-size // part_bytes) + 1)]
                try:
                    parts = [each.result() for each in sending]
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            condition: dict[str, Any] = {"IfNoneMatch": "*"} if only_new else {}
            self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **condition)
        except BaseException:
            # Parts of an upload that nobody ends are invisible and cost money; a rule of the bucket may end them.
            with contextlib.suppress(Exception):
                self._client.abort_multipart_upload(**upload)
            raise

    def _is_ours(self, key: str, token: str) -> bool:
        """True if the object is the one that this call wrote: its first answer was lost on the way."""
        try:
            found = self._client.head_object(**self._target(key))
        except self._client.exceptions.ClientError as error:
            if status_of(error) == 404:
                return False
            raise
        return bool(found.get("Metadata", {}).get(_TOKEN) == token)


def _was_retried(error: Any) -> bool:
    """True if botocore sent the request more than once: the first one may have done it."""
    return bool(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def _joined(views: list[memoryview]) -> bytes:
    """What botocore takes as a body: it knows no memoryview."""
    if len(views) == 1 and isinstance(views[0].obj, bytes) and len(views[0].obj) == len(views[0]):
        return views[0].obj
    return b"".join(views)


def _cut(views: list[memoryview], ends: list[int], start: int, stop: int) -> bytes:
    """The bytes from `start` to before `stop` of the views, one after the other; `ends` is where each one ends."""
    index = bisect_right(ends, start)
    pieces = []
    while start < stop:
        view = views[index]
        begin = ends[index] - len(view)
        pieces.append(view[start - begin : stop - begin])
        start = ends[index]
        index += 1
    return b"".join(pieces)
