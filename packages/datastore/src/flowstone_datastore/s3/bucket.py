"""Objects by key, one request at a time: what the transfers need of a place, whatever it is."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol

import attrs

from flowstone_datastore.s3.checksums import Checksum
from flowstone_datastore.storage_errors import StorageError
from flowstone_interfaces.python_310 import Self


@attrs.frozen
class ObjectHead:
    """What a place says of an object."""

    key: str
    size: int
    """Bytes of the whole object."""
    etag: str = ""
    """What tells one content of the key from another; empty if the place does not say."""
    version: str = ""
    """The version's id in a bucket with versioning."""
    last_modified: float = 0.0
    """UTC, seconds since 1970."""
    content_type: str | None = None
    encryption: str | None = None
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    checksum: Checksum | None = None
    """The sum over the whole object, if the place states one that can be computed here."""


@attrs.frozen
class PutHead:
    """What is said of an object when it is written."""

    content_type: str | None = None
    encryption: str | None = None
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    is_only_new: bool = False
    """True if an object that is there stays."""


@attrs.frozen
class Listed:
    """A line of a listing."""

    key: str
    """Of a folder: with `/` at its end."""
    size: int | None = None
    """`None` for a folder."""
    etag: str = ""
    last_modified: float = 0.0


@attrs.frozen
class Span:
    """Which bytes of an object: `start` to before `stop` (`None`: its end); a negative start is a suffix."""

    start: int = 0
    stop: int | None = None

    @property
    def is_whole(self) -> bool:
        """True if no byte is left out."""
        return self.start == 0 and self.stop is None


WHOLE = Span()


class Reading(Protocol):
    """An answer whose body is read by and by. For one thread."""

    head: ObjectHead
    start: int
    """Of the body, in the object."""
    stop: int

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view from the body as far as it goes; how many bytes, at least one.

        It may be silent for so many seconds; for 0, the time is over.

        Raises:
            TransientError: it broke off; what was counted before is right.
        """

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, read to its end or not."""


class Bucket(Protocol):
    """A place that keeps objects by key. Every method is one try, and may be called from any thread.

    All raise `StorageError` for what another try cannot change, and `TransientError` for what it may.
    `timeout_seconds` is how long a try may go without a byte.
    """

    @property
    def url(self) -> str:
        """What the keys come behind, for people and records; ends in `/`."""

    part_bytes: int
    """What is larger is better moved in pieces of this size, several at once."""

    def open(self, key: str, span: Span, etag: str, timeout_seconds: float) -> Reading:
        """Begin to read; with `etag`, of that content only (`ObjectReplacedError`)."""

    def head(self, key: str, timeout_seconds: float) -> ObjectHead:
        """What it says of the object, without reading it."""

    def put(self, key: str, body: memoryview, head: PutHead, timeout_seconds: float) -> ObjectHead | None:
        """Make `body` the object, at once; `None`, and no change, if there is one and only a new one will do."""

    def begin(self, key: str, head: PutHead, part_bytes: int) -> "Upload":
        """Begin to write an object in parts of so many bytes, the last one less."""

    def list(self, prefix: str, *, is_recursive: bool) -> Iterator[Listed]:
        """What is below a prefix, sorted; else what is directly below it, folders as one line each."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; nothing happens for those that are not there. If it raises, some are gone."""


class Upload(Protocol):
    """An object that is written in parts: nobody sees it before `complete`."""

    def put(self, number: int, body: memoryview, timeout_seconds: float) -> None:
        """Send a part, counted from 0; as many bytes as `begin` was told."""

    def complete(self) -> ObjectHead | None:
        """Make the parts the object, at once; `None` as for `Bucket.put`."""

    def abort(self) -> None:
        """Forget the parts."""


class TransientError(Exception):
    """A try that failed for a reason that may pass; `meaning` is raised when there is no time for another."""

    def __init__(
        self, meaning: StorageError, is_busy: bool = False, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(meaning)
        self.meaning = meaning
        self.is_busy = is_busy
        """True if the place asks for fewer requests."""
        self.retry_after_seconds = retry_after_seconds
        self.has_moved = False
        """True if bytes were moved before it failed: whoever gets on is not failing."""
