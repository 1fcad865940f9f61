"""Objects in this process's memory: the same client, to try things out and to test with."""

import itertools
import time
from collections.abc import Iterator, Sequence
from types import TracebackType

import attrs

from flowstone_datastore.s3.bucket import Listed, ObjectHead, PutHead, Span
from flowstone_datastore.s3.folder_bucket import bounds
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces.python_310 import Self

# Process-wide, because a URL is all that two clients of it have in common.
_contents: dict[str, dict[str, tuple[ObjectHead, bytes]]] = {}
_numbers = itertools.count(1)


class MemoryBucket:
    """Bytes by key (`Bucket`), shared by all of this process that use the same name."""

    def __init__(self, name: str, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self._name = name
        self._objects = _contents.setdefault(name, {})

    @property
    def url(self) -> str:
        """What the keys come behind."""
        return f"memory://{self._name}/"

    def open(self, key: str, span: Span, etag: str, timeout_seconds: float) -> "MemoryReading":
        """Begin to read."""
        head, data = self._found(key)
        return MemoryReading(head, data, *bounds(span, head.size, self.url + key, head.etag, etag))

    def head(self, key: str, timeout_seconds: float) -> ObjectHead:
        """What was said of the object when it was written."""
        return self._found(key)[0]

    def put(self, key: str, body: memoryview, head: PutHead, timeout_seconds: float) -> ObjectHead | None:
        """Make `body` the object."""
        data = bytes(body)
        said = ObjectHead(
            key,
            len(data),
            f'"{next(_numbers)}"',
            last_modified=time.time(),
            content_type=head.content_type,
            encryption=head.encryption,
            metadata={name.lower(): value for name, value in head.metadata.items()},
        )
        if not head.is_only_new:
            self._objects[key] = (said, data)
            return said
        return said if self._objects.setdefault(key, (said, data))[0] is said else None

    def begin(self, key: str, head: PutHead, part_bytes: int) -> "MemoryUpload":
        """Begin to write an object in parts of so many bytes, the last one less."""
        return MemoryUpload(self, key, head)

    def list(self, prefix: str, *, is_recursive: bool) -> Iterator[Listed]:
        """What is below a prefix, or directly below it."""
        folder = ""
        for key in sorted(self._objects):
            if not key.startswith(prefix) or (folder and key.startswith(folder)):
                continue
            inner, slash, _ = key[len(prefix) :].partition("/")
            if slash and not is_recursive:
                folder = f"{prefix}{inner}/"
                yield Listed(folder)
            elif found := self._objects.get(key):
                yield Listed(key, found[0].size, found[0].etag, found[0].last_modified)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        for key in keys:
            self._objects.pop(key, None)

    def close(self) -> None:
        """Nothing to end: the objects stay while the process does."""

    def _found(self, key: str) -> tuple[ObjectHead, bytes]:
        found = self._objects.get(key)
        if found is None:
            raise ObjectNotFoundError(key, self.url)
        return found


@attrs.define
class MemoryReading:
    """Bytes under way (`Reading`)."""

    head: ObjectHead
    data: bytes
    start: int
    stop: int
    at: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.at = self.start

    def receive(self, view: memoryview, timeout_seconds: float) -> int:
        """Fill the view."""
        piece = self.data[self.at : min(self.at + len(view), self.stop)]
        view[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""


class MemoryUpload:
    """Bytes that nobody sees before `complete` (`Upload`)."""

    def __init__(self, bucket: MemoryBucket, key: str, head: PutHead) -> None:
        self._bucket = bucket
        self._key = key
        self._head = head
        self._parts: dict[int, bytes] = {}

    def put(self, number: int, body: memoryview, timeout_seconds: float) -> None:
        """Keep a part."""
        self._parts[number] = bytes(body)

    def complete(self) -> ObjectHead | None:
        """Make the parts the object."""
        body = b"".join([self._parts[number] for number in sorted(self._parts)])
        return self._bucket.put(self._key, memoryview(body), self._head, 0)

    def abort(self) -> None:
        """Forget the parts."""
        self._parts.clear()
