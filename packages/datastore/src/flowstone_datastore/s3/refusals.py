"""What an answer that is no success means: to try again, or an error with the bucket, the key and what to do."""

import re
from collections.abc import Mapping

from flowstone_datastore.s3.bucket import TransientError
from flowstone_datastore.s3.errors import S3InvalidRangeError, S3ObjectReplacedError
from flowstone_datastore.s3_client import botocore_exceptions
from flowstone_datastore.s3_errors import S3UnreachableError
from flowstone_datastore.s3_failures import code_of, meaning_of, status_of
from flowstone_datastore.s3_settings import S3Settings

_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_BUSY_STATUSES = {429, 503}
_BUSY_CODES = {"SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded"}
_PASSING_STATUSES = {408, 429, 500, 502, 503, 504}
_PASSING_CODES = _BUSY_CODES | {
    "RequestTimeout",
    "InternalError",
    "ConditionalRequestConflict",
    "OperationAborted",
    "BadDigest",  # the bytes were changed on their way
    "XAmzContentChecksumMismatch",
}
_LONGEST_WAIT_SECONDS = 60.0


def refusal_of(
    status: int, headers: Mapping[str, str], body: bytes, key: str, settings: S3Settings, *, is_writing: bool
) -> Exception:
    """The error for an answer of a server."""
    text = body.decode("utf-8", "replace")
    code, message = _CODE.search(text), _MESSAGE.search(text)
    said = {"Code": code[1] if code else str(status), "Message": message[1] if message else ""}
    answer = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
    error: Exception = botocore_exceptions().ClientError(answer, "PutObject" if is_writing else "GetObject")
    return refusal_for(error, key, settings, is_writing=is_writing)


def refusal_for(error: Exception, key: str, settings: S3Settings, *, is_writing: bool) -> Exception:
    """The error for one of botocore's."""
    code, status = code_of(error), status_of(error)
    url = settings.place_of(key)
    if status == 412 and not is_writing:
        return S3ObjectReplacedError(url)
    if status == 416:
        return S3InvalidRangeError(url, "there")
    meaning = meaning_of(error, key, settings, is_writing=is_writing)
    if status in _PASSING_STATUSES or code in _PASSING_CODES:
        is_busy = status in _BUSY_STATUSES or code in _BUSY_CODES
        return TransientError(meaning, is_busy, _retry_after(error))
    if isinstance(meaning, S3UnreachableError):
        return TransientError(meaning)
    return meaning


def broken(error: OSError, key: str, settings: S3Settings) -> TransientError:
    """The error for a connection that broke, could not be made, or was silent for too long."""
    number = error.errno if isinstance(error.errno, int) else 103  # ECONNABORTED
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return TransientError(S3UnreachableError(number, reason, settings.place_of(key)))


def _retry_after(error: Exception) -> float | None:
    response = getattr(error, "response", {})
    text = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isdigit() else None
