"""Ranges of S3 objects: in parallel if they are large, and to their end if connections break."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

from flowstone_datastore.s3_client import MOST_CONNECTIONS, botocore_exceptions, client_for
from flowstone_datastore.s3_failures import status_of
from flowstone_datastore.s3_retries import RetryBudget
from flowstone_datastore.s3_settings import S3Settings

RANGE_BYTES = 16 * 1024 * 1024
"""How much one request asks for."""

_PIECE_BYTES = 1024 * 1024


class Stretch(NamedTuple):
    """Some bytes of an object, and what was learned on the way."""

    data: bytes
    size: int
    """Of the whole object, in bytes."""
    etag: str


class _ReplacedError(Exception):
    """The object is another one than when we began to read it."""


class S3Reader:
    """Reads objects of one bucket. For any thread and process; raises what botocore raises."""

    def __init__(self, settings: S3Settings, budget: RetryBudget, range_bytes: int = RANGE_BYTES) -> None:
        self._settings = settings
        self._budget = budget
        self._range_bytes = range_bytes

    def read(self, key: str, start: int, stop: int | None) -> Stretch:
        """The bytes from `start` to before `stop`, or to the end: all of one version of the object."""
        failures = 0
        while True:
            try:
                return self._read_one_version(key, start, stop)
            except _ReplacedError as error:
                failures += 1
                if not self._budget.allows(failures):
                    raise (error.__cause__ or error) from error

    def _read_one_version(self, key: str, start: int, stop: int | None) -> Stretch:
        end = start + self._range_bytes
        first = self._read_range(key, start, end if stop is None else min(stop, end))
        stop = first.size if stop is None else min(stop, first.size)
        if start + len(first.data) >= stop:
            return first
        ranges = [(at, min(at + self._range_bytes, stop)) for at in range(end, stop, self._range_bytes)]
        with ThreadPoolExecutor(min(MOST_CONNECTIONS, len(ranges))) as pool:
            reading = [pool.submit(self._read_range, key, at, to, first.etag) for at, to in ranges]
            try:
                rest = [each.result().data for each in reading]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return Stretch(b"".join([first.data, *rest]), first.size, first.etag)

    def _read_range(self, key: str, start: int, stop: int, etag: str | None = None) -> Stretch:
        """One range by one request, or by several if bodies break off; each goes on where the last one ended."""
        client = client_for(self._settings)
        pieces: list[bytes] = []
        at, size, failures = start, 0, 0
        while True:
            pinned = {"IfMatch": etag} if etag else {}
            wanted = f"bytes={at}-{stop - 1}"
            try:
                answer = client.get_object(Bucket=self._settings.bucket, Key=key, Range=wanted, **pinned)
            except botocore_exceptions().ClientError as error:
                if status_of(error) not in {412, 416}:
                    raise
                found = 0 if etag is not None else self._size(key, error)
                if etag is not None or found > start:  # an answer before this one, or after, knows of more
                    raise _ReplacedError from error
                return Stretch(b"", found, "")
            etag = answer.get("ETag")
            size = _size_in(answer)
            before = len(pieces)
            broken = _receive(answer, pieces)
            at += sum([len(piece) for piece in pieces[before:]])
            if "ContentRange" not in answer:  # a server that knows no ranges sent all of it
                data = b"".join(pieces[before:])
                if broken is None:
                    return Stretch(data[start:stop], len(data), etag or "")
                pieces, at = [], start
            elif broken is None:
                self._budget.succeeded()
                return Stretch(b"".join(pieces), size, etag or "")
            failures = 1 if len(pieces) > before else failures + 1  # whoever gets on is not failing
            if not self._budget.allows(failures):
                raise broken

    def _size(self, key: str, error: Any) -> int:
        """The size of an object of which a range behind its end was asked for; most servers say it at once."""
        stated = error.response.get("Error", {}).get("ActualObjectSize")
        if stated is not None:
            return int(stated)
        answer = client_for(self._settings).head_object(Bucket=self._settings.bucket, Key=key)
        return int(answer["ContentLength"])


def _size_in(answer: Any) -> int:
    """The size of the whole object: behind the slash of `bytes 0-99/1234`."""
    content_range = answer.get("ContentRange", "")
    return int(content_range.rpartition("/")[2]) if content_range else int(answer["ContentLength"])


def _receive(answer: Any, pieces: list[bytes]) -> Exception | None:
    """Add the body to `pieces`; what broke it off, if something did."""
    exceptions = botocore_exceptions()
    with closing(answer["Body"]) as body:
        try:
            while piece := body.read(_PIECE_BYTES):
                pieces.append(piece)
        except (exceptions.HTTPClientError, exceptions.IncompleteReadError) as error:
            broken: Exception = error
            return broken
    return None
