"""Objects into a bucket: many at once, large ones in parts, each with its sum and tried again by itself."""

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import attrs

from flowstone_datastore.file_errors import translated
from flowstone_datastore.s3.bucket import Bucket, ObjectHead, PutHead, Upload
from flowstone_datastore.s3.crew import Crew, run_all
from flowstone_datastore.s3.pace import Pace, Patience

_MOST_PARTS = 10_000  # S3's limit


class Source(Protocol):
    """The bytes of an object to be; parts are asked for from several threads."""

    @property
    def size(self) -> int:
        """Bytes."""

    def view(self, start: int, stop: int) -> memoryview:
        """Some of them; valid until this thread asks again."""


@attrs.frozen
class MemorySource:
    """Bytes in memory."""

    buffer: memoryview

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.buffer)

    def view(self, start: int, stop: int) -> memoryview:
        """The very memory."""
        return self.buffer[start:stop]


class _Piece(threading.local):
    """A buffer for each thread, used again for each part of each file that it sends."""

    def __init__(self) -> None:
        self.buffer = bytearray()


_piece = _Piece()


class FileSource:
    """A file. It is read, not mapped: one that becomes shorter meanwhile must not end the process."""

    def __init__(self, path: Path) -> None:
        with translated(path.name, str(path.parent)):
            self.size = path.stat().st_size
        self._path = path

    def view(self, start: int, stop: int) -> memoryview:
        """In this thread's buffer."""
        if len(_piece.buffer) < stop - start:
            _piece.buffer = bytearray(stop - start)
        view = memoryview(_piece.buffer)[: stop - start]
        with translated(self._path.name, str(self._path.parent)), self._path.open("rb", buffering=0) as file:
            file.seek(start)
            filled = 0
            while filled < len(view):
                count = file.readinto(view[filled:])
                if not count:
                    raise OSError(5, "the file became shorter while it was sent", os.fspath(self._path))
                filled += count
        return view


@attrs.frozen
class Sent:
    """An object to write."""

    key: str
    source: Source
    head: PutHead = attrs.field(factory=PutHead)


class Send:
    """Sends objects to one bucket. `on_bytes` is told how many left, from any thread."""

    def __init__(
        self,
        bucket: Bucket,
        pace: Pace,
        patience: Patience,
        on_bytes: Callable[[int], object] | None = None,
    ) -> None:
        self.bucket = bucket
        self.pace = pace
        self.patience = patience
        self.on_bytes = on_bytes

    def run(self, objects: Sequence[Sent]) -> list[ObjectHead | None]:
        """All of them; `None` for those that were there and should stay.

        Raises:
            StorageError: one of them cannot be written; others may be.
        """
        deliveries = [Delivery(self, each) for each in objects]
        run_all(deliveries, self.pace.most)
        return [delivery.head for delivery in deliveries]


class Delivery:
    """One object on its way."""

    def __init__(self, send: Send, sent: Sent) -> None:
        self.crew: Crew
        self.head: ObjectHead | None = None
        self._send = send
        self._sent = sent
        self._upload: Upload | None = None
        self._left = 0
        self._part_bytes = send.bucket.part_bytes
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Send it, or its parts."""
        source, bucket = self._sent.source, self._send.bucket
        if source.size <= bucket.part_bytes:
            self.head = self._send.pace.run(self._put, self._send.patience)
            self._note(source.size)
            return
        self._part_bytes = max(bucket.part_bytes, -(-source.size // _MOST_PARTS))
        self._upload = bucket.begin(self._sent.key, self._sent.head, self._part_bytes)
        starts = range(0, source.size, self._part_bytes)
        self._left = len(starts)
        self.crew.add([partial(self.send_part, number, start) for number, start in enumerate(starts)])

    def give_up(self) -> None:
        """Leave no parts."""
        if self._upload is not None:
            self._upload.abort()

    def send_part(self, number: int, start: int) -> None:
        """Send a part; the last one that ends completes the object."""
        source, upload = self._sent.source, self._upload
        assert upload is not None
        stop = min(start + self._part_bytes, source.size)

        def put(timeout_seconds: float) -> None:
            upload.put(number, source.view(start, stop), timeout_seconds)

        self._send.pace.run(put, self._send.patience)
        self._note(stop - start)
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self.head = upload.complete()
            self._upload = None

    def _put(self, timeout_seconds: float) -> ObjectHead | None:
        source = self._sent.source
        return self._send.bucket.put(self._sent.key, source.view(0, source.size), self._sent.head, timeout_seconds)

    def _note(self, count: int) -> None:
        if self._send.on_bytes is not None:
            self._send.on_bytes(count)
