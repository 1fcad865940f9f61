"""An error of botocore, in the words of a storage."""

import errno
from types import TracebackType
from typing import Any

from flowstone_datastore.s3_client import botocore_exceptions
from flowstone_datastore.s3_errors import (
    BucketNotFoundError,
    S3CredentialsMissingError,
    S3CredentialsRefusedError,
    S3FailedError,
    S3FullError,
    S3NotWritableError,
    S3PermissionError,
    S3RegionError,
    S3ThrottledError,
    S3UnreachableError,
)
from flowstone_datastore.s3_settings import S3Settings
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageError

_BY_CODE: dict[str, type[StorageError]] = {
    "NoSuchBucket": BucketNotFoundError,
    "ExpiredToken": S3CredentialsRefusedError,
    "ExpiredTokenException": S3CredentialsRefusedError,
    "TokenRefreshRequired": S3CredentialsRefusedError,
    "RequestExpired": S3CredentialsRefusedError,
    "RequestTimeTooSkewed": S3CredentialsRefusedError,
    "InvalidToken": S3CredentialsRefusedError,
    "InvalidAccessKeyId": S3CredentialsRefusedError,
    "SignatureDoesNotMatch": S3CredentialsRefusedError,
    "PermanentRedirect": S3RegionError,
    "TemporaryRedirect": S3RegionError,
    "AuthorizationHeaderMalformed": S3RegionError,
    "IllegalLocationConstraintException": S3RegionError,
    "QuotaExceeded": S3FullError,
    "XMinioStorageFull": S3FullError,
    "SlowDown": S3ThrottledError,
}
_BY_STATUS: dict[int, type[StorageError]] = {
    301: S3RegionError,
    307: S3RegionError,
    429: S3ThrottledError,
    500: S3ThrottledError,
    502: S3ThrottledError,
    503: S3ThrottledError,
    504: S3ThrottledError,
    507: S3FullError,
}
_BY_CLASS: dict[str, type[StorageError]] = {
    "NoCredentialsError": S3CredentialsMissingError,
    "PartialCredentialsError": S3CredentialsMissingError,
    "ProfileNotFound": S3CredentialsMissingError,
    "CredentialRetrievalError": S3CredentialsRefusedError,
    "TokenRetrievalError": S3CredentialsRefusedError,
    "SSOError": S3CredentialsRefusedError,
    "NoRegionError": S3RegionError,
    "HTTPClientError": S3UnreachableError,
    "ConnectionError": S3UnreachableError,
    "IncompleteReadError": S3UnreachableError,
    "FlexibleChecksumError": S3UnreachableError,
}
_NUMBERS = {
    BucketNotFoundError: errno.ENOENT,
    S3CredentialsMissingError: errno.EACCES,
    S3CredentialsRefusedError: errno.EACCES,
    S3PermissionError: errno.EACCES,
    S3NotWritableError: errno.EACCES,
    S3FullError: errno.ENOSPC,
    S3UnreachableError: errno.ECONNABORTED,
    S3ThrottledError: errno.EAGAIN,
}


class translated_s3:  # noqa: N801 - a context manager, read as a verb
    """Raise botocore's errors of the body as the `StorageError` that they mean for an object of a store."""

    __slots__ = ("_is_writing", "_path", "_settings")

    def __init__(self, path: str, settings: S3Settings, *, is_writing: bool = False) -> None:
        self._path = path
        self._settings = settings
        self._is_writing = is_writing

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate what came out of the body, if it is botocore's."""
        if error is None or isinstance(error, StorageError):
            return
        exceptions = botocore_exceptions()
        if isinstance(error, (exceptions.BotoCoreError, exceptions.ClientError)):
            raise meaning_of(error, self._path, self._settings, is_writing=self._is_writing) from error


def meaning_of(error: Exception, path: str, settings: S3Settings, *, is_writing: bool = False) -> StorageError:
    """What an error of botocore means for an object of a store."""
    if is_absent(error):
        return ObjectNotFoundError(path, settings.url)
    kind = _kind_of(error, is_writing=is_writing)
    key = f"{settings.prefix}/{path}".strip("/")
    return kind(_NUMBERS.get(kind, errno.EIO), _reason(error), settings.place_of(key))


def status_of(error: Exception) -> int:
    """The HTTP status of the answer that an error stands for; 0 if there was no answer."""
    answer: Any = getattr(error, "response", None)
    if not isinstance(answer, dict):
        return 0
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: Exception) -> str:
    """The service's word for what is wrong, such as `NoSuchKey`; empty if there was no answer."""
    answer: Any = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def is_absent(error: Exception) -> bool:
    """True if the error says that there is no such object; to a HEAD, S3 says the same of an absent bucket."""
    return code_of(error) in {"NoSuchKey", "404", "NotFound"}


def _kind_of(error: Exception, *, is_writing: bool) -> type[StorageError]:
    code, status = code_of(error), status_of(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == 403:
        return S3NotWritableError if is_writing else S3PermissionError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    for parent in type(error).__mro__:
        if parent.__name__ in _BY_CLASS:
            return _BY_CLASS[parent.__name__]
    return S3FailedError


def _reason(error: Exception) -> str:
    """One line, without what a service repeats of the request: that may hold parts of credentials."""
    code, status = code_of(error), status_of(error)
    if not status:
        return " ".join(str(error).split()).rstrip(".")
    message = " ".join(str(getattr(error, "response", {}).get("Error", {}).get("Message", "")).split()).rstrip(".")
    said = f"{code}: {message}" if message and message != code else code
    return f"the service answered {status} ({said})" if said != str(status) else f"the service answered {status}"
