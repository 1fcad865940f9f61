"""Objects as open files: read from where one is, written part by part."""

import io
from collections.abc import Callable
from types import TracebackType
from typing import Any

from flowstone_datastore.s3.bucket import Bucket, ObjectHead, PutHead, Reading, Span, TransientError, Upload
from flowstone_datastore.s3.pace import Pace, Patience


class ObjectReader(io.RawIOBase):
    """An object, open for reading: seekable, always the same content. For one thread.

    A body that breaks off is gone on with at the byte where it broke.
    """

    def __init__(self, bucket: Bucket, key: str, pace: Pace, new_patience: Callable[[], Patience]) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        self._pace = pace
        self._new_patience = new_patience
        self._at = 0
        self._reading: Reading | None = None
        self._reading_at = 0
        self.head: ObjectHead = pace.run(lambda timeout: bucket.head(key, timeout), new_patience())

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on from elsewhere; costs nothing until bytes are read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.head.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the object goes; how many bytes."""
        with memoryview(buffer).cast("B") as view:
            wanted = view[: max(0, self.head.size - self._at)]
            if not wanted:
                return 0
            patience = self._new_patience()
            count = self._pace.run(lambda timeout: self._receive(wanted, timeout), patience)
        self._at += count
        self._reading_at = self._at
        return count

    def close(self) -> None:
        """End what is under way."""
        self._end()
        super().close()

    def _receive(self, view: memoryview, timeout_seconds: float) -> int:
        if self._reading is not None and self._reading_at != self._at:
            self._end()
        if self._reading is None:
            self._reading = self._bucket.open(self._key, Span(self._at), self.head.etag, timeout_seconds)
            self._reading_at = self._at
        try:
            return self._reading.receive(view, timeout_seconds)
        except TransientError:
            self._end()
            raise

    def _end(self) -> None:
        if self._reading is not None:
            self._reading.__exit__(None, None, None)
            self._reading = None


class ObjectWriter(io.RawIOBase):
    """An object, open for writing: it is there after `close`; after an error in the `with` block, it never is.

    It needs memory for one part.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        pace: Pace,
        new_patience: Callable[[], Patience],
        head: PutHead,
        on_written: Callable[[ObjectHead], object],
    ) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        self._pace = pace
        self._new_patience = new_patience
        self._said = head
        self._on_written = on_written
        self._waiting = bytearray()
        self._upload: Upload | None = None
        self._parts = 0
        self.head: ObjectHead | None = None
        """What the place says of the object, once it is written."""

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Take all of the bytes."""
        with memoryview(data).cast("B") as view:
            self._waiting += view
            count = len(view)
        while len(self._waiting) > self._bucket.part_bytes:
            self._send_part(self._bucket.part_bytes)
        return count

    def close(self) -> None:
        """Write the object."""
        if self.closed:
            return
        try:
            if self._upload is None:
                body = memoryview(bytes(self._waiting))
                self.head = self._run(lambda timeout: self._bucket.put(self._key, body, self._said, timeout))
            else:
                self._send_part(len(self._waiting))
                self.head = self._upload.complete()
                self._upload = None
        finally:
            self.discard()
        if self.head is not None:
            self._on_written(self.head)

    def discard(self) -> None:
        """Write no object."""
        if self._upload is not None:
            self._upload.abort()
            self._upload = None
        self._waiting = bytearray()
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        """What was not closed was not meant: no object."""
        self.discard()

    def _send_part(self, size: int) -> None:
        if self._upload is None:
            self._upload = self._bucket.begin(self._key, self._said, self._bucket.part_bytes)
        upload, number = self._upload, self._parts
        part = memoryview(bytes(self._waiting[:size]))
        self._run(lambda timeout: upload.put(number, part, timeout))
        self._parts += 1
        del self._waiting[:size]

    def _run(self, attempt: Callable[[float], Any]) -> Any:
        return self._pace.run(attempt, self._new_patience())
