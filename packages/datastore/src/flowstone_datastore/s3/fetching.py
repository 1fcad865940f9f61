"""Objects out of a bucket: many at once, large ones in parts that several threads take from both ends.

The first answer of an object begins at its first byte and says how large it is; no request is spent on asking. Its
body goes on, part after part, while other threads fetch parts from the end, pinned to the content of that
first answer. What breaks off goes on at the byte where it broke.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from flowstone_datastore.s3.bucket import WHOLE, Bucket, ObjectHead, Reading, Span, TransientError
from flowstone_datastore.s3.crew import Crew, run_all
from flowstone_datastore.s3.errors import S3ObjectDamagedError
from flowstone_datastore.s3.pace import Pace, Patience
from flowstone_datastore.s3.sinks import Sink
from flowstone_datastore.storage_errors import ObjectNotFoundError

_TIMES_DAMAGED = 2


@attrs.frozen
class Want:
    """An object, or some bytes of it, and where they go."""

    key: str
    sink: Sink
    span: Span = WHOLE
    etag: str = ""
    """Only this content of it; empty if any will do."""
    is_missing_fine: bool = False


@attrs.frozen
class Fetched:
    """What came."""

    head: ObjectHead
    start: int
    stop: int


class Fetch:
    """Fetches objects from one bucket. `on_bytes` is told how many came, from any thread."""

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

    def run(self, wants: Sequence[Want]) -> list[Fetched | None]:
        """All of them, in order; `None` for what is not there and need not be.

        Raises:
            StorageError: one of them cannot be had; those that were fetched stay where they are.
        """
        transfers = [Transfer(self, want) for want in wants]
        run_all(transfers, self.pace.most)
        return [transfer.fetched for transfer in transfers]


class Transfer:
    """One object on its way."""

    def __init__(self, fetch: Fetch, want: Want) -> None:
        self.crew: Crew
        self.fetched: Fetched | None = None
        self._fetch = fetch
        self._want = want
        self._etag = want.etag
        self._is_begun = False
        self._times_damaged = 0
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._parts: list[tuple[int, int, int]] = []  # number, start, stop: those that nobody has taken
        self._left = 0
        self._sums: dict[int, tuple[int, int]] = {}
        self._head: ObjectHead | None = None

    def begin(self) -> None:
        """Fetch it, the first part first."""
        want = self._want
        try:
            self._fetch.pace.run(self._read_on, self._fetch.patience)
        except ObjectNotFoundError:
            if not want.is_missing_fine:
                raise
            return
        self._help()

    def give_up(self) -> None:
        """Leave nothing that looks whole."""
        if self._is_begun and self.fetched is None:
            self._want.sink.discard()

    def _help(self) -> None:
        """Fetch parts from the end, until all are taken."""
        while (part := self._take(-1)) is not None:
            self._fetch_part(part, _Progress(part[1]))

    def _read_on(self, timeout_seconds: float) -> None:
        """Read the first answer part by part, from the front, as far as nobody else has come."""
        want = self._want
        with self._fetch.bucket.open(want.key, want.span, self._etag, timeout_seconds) as reading:
            if self._head is None:
                self._prepare(reading)
            # Whether it is the first part or a later one: the body stands where the part begins, or is ended.
            at = reading.start
            while (part := self._take(0)) is not None:
                if part[1] != at:
                    self._put_back(part)
                    return
                at = self._read_part(reading, part)
                if at < part[2]:
                    return

    def _prepare(self, reading: Reading) -> None:
        """Make room, and have others help."""
        head, start, stop = reading.head, reading.start, reading.stop
        size = self._fetch.bucket.part_bytes
        self._etag = head.etag
        if not head.etag:  # nothing would tell two contents apart
            size = max(1, stop - start)
        self._is_begun = True
        there = self._want.sink.prepare(stop - start, head.etag, size)
        self._head = head
        self._bounds = (start, stop)
        bounds = [(at, min(at + size, stop)) for at in range(start, stop, size)]
        self._parts = [(number, *part) for number, part in enumerate(bounds) if number not in there]
        self._left = len(self._parts)
        for number in there:
            self._sum_stored((number, *bounds[number]))
        if not self._parts:
            self._end()
        elif len(self._parts) > 1:
            helpers = min(self._fetch.pace.most, len(self._parts)) - 1
            self.crew.add([self._help] * helpers)

    def _take(self, which: int) -> tuple[int, int, int] | None:
        with self._lock:
            return self._parts.pop(which) if self._parts else None

    def _put_back(self, part: tuple[int, int, int]) -> None:
        with self._lock:
            self._parts.insert(0, part)

    def _read_part(self, reading: Reading, part: tuple[int, int, int]) -> int:
        """Read a part from a body that stands at its start; if it breaks off, have the rest fetched."""
        progress = _Progress(part[1])
        try:
            self._receive(reading, part, progress)
        except TransientError:
            # This thread goes on by requests of its own, outside of the try that the first answer is.
            # What is not pinned to a content cannot go on: it begins anew.
            self.crew.add([lambda: self._fetch_part(part, progress)])
            return progress.at
        self._end_part(part, progress.sum)
        return part[2]

    def _fetch_part(self, part: tuple[int, int, int], progress: "_Progress") -> None:
        """Fetch the bytes of a part that are still to come."""
        want, bucket = self._want, self._fetch.bucket

        def attempt(timeout_seconds: float) -> None:
            if not self._etag:
                progress.at, progress.sum = part[1], 0
            before = progress.at
            try:
                with bucket.open(want.key, Span(before, part[2]), self._etag, timeout_seconds) as reading:
                    self._receive(reading, part, progress)
            except TransientError as error:
                error.has_moved = progress.at > before
                raise

        if progress.at < part[2]:
            self._fetch.pace.run(attempt, self._fetch.patience)
        self._end_part(part, progress.sum)

    def _receive(self, reading: Reading, part: tuple[int, int, int], progress: "_Progress") -> None:
        sink, base = self._want.sink, self._bounds[0]
        update = self._update
        while progress.at < part[2]:
            if self.crew.has_failed:
                raise StoppedError
            view = sink.view(progress.at - base, part[2] - progress.at)
            count = reading.receive(view, self._fetch.pace.silence(self._fetch.patience))
            piece = view[:count]
            if update is not None:
                progress.sum = update(piece, progress.sum)
            sink.keep(progress.at - base, piece)
            progress.at += count
            if self._fetch.on_bytes is not None:
                self._fetch.on_bytes(count)

    @property
    def _update(self) -> Callable[[Any, int], int] | None:
        head = self._head
        is_whole = self._want.span.is_whole
        return head.checksum.algorithm.update if head and head.checksum and is_whole else None

    def _sum_stored(self, part: tuple[int, int, int]) -> None:
        if (update := self._update) is None:
            return
        value, at = 0, part[1]
        while at < part[2]:
            view = memoryview(bytearray(min(1024 * 1024, part[2] - at)))
            self._want.sink.stored(at - self._bounds[0], view)
            value, at = update(view, value), at + len(view)
        self._sums[part[0]] = (value, part[2] - part[1])

    def _end_part(self, part: tuple[int, int, int], value: int) -> None:
        self._want.sink.keep_part(part[0])
        with self._lock:
            self._sums[part[0]] = (value, part[2] - part[1])
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self._end()

    def _end(self) -> None:
        """All parts are there: check the whole, and finish it."""
        head, sink = self._head, self._want.sink
        assert head is not None
        sums = [self._sums[number] for number in sorted(self._sums)]
        if self._update is not None and head.checksum is not None and not head.checksum.matches(sums):
            sink.damaged()
            self._times_damaged += 1
            if self._times_damaged >= _TIMES_DAMAGED:
                stated = f"{head.checksum.algorithm.name} {head.checksum.text}"
                raise S3ObjectDamagedError(self._fetch.bucket.url + head.key, stated)
            self._reset()
            self.crew.add([self.begin])
            return
        sink.finish()
        self.fetched = Fetched(head, *self._bounds)


class StoppedError(Exception):
    """Another object could not be had: this one is not needed any more."""


class _Progress:
    """How far a part has come, and the sum of what came."""

    __slots__ = ("at", "sum")

    def __init__(self, at: int, value: int = 0) -> None:
        self.at = at
        self.sum = value
