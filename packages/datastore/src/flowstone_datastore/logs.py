"""What tasks printed: frames of bytes, as they came, each with its task and time.

Many tasks may write into one segment through its one writer; a task's record says between which
bytes its frames are.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import attrs

from flowstone_datastore.fields import is_count, is_name, is_number, refuse
from flowstone_datastore.storage import Storage
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.pathspec import check_part

LOG_SUFFIX = ".log"

_SUM_DIGITS = 8
_STREAMS = ("stdout", "stderr")


class DamagedLogError(FlowstoneError, ValueError):
    """Part of a log that is not as it was written."""

    def __init__(self, segment: str, offset: int, detail: str) -> None:
        super().__init__(segment, offset, detail)
        self.segment = segment
        self.offset = offset
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"the log frame at byte {self.offset} of {self.segment} is damaged ({self.detail}); "
            "restore the file from a backup, or read it as text"
        )


def _is_stream(_instance: Any, _attribute: Any, value: Any) -> None:
    if value not in _STREAMS:
        refuse("LogFrame.stream", value, "'stdout' or 'stderr'")


@attrs.frozen
class LogFrame:
    """Some bytes that a task wrote at once: not cut at lines, not decoded."""

    step: str = attrs.field(validator=is_name)
    task: str = attrs.field(validator=is_name)
    attempt: int = attrs.field(validator=is_count)
    stream: str = attrs.field(validator=_is_stream)
    """`stdout` or `stderr`."""
    time: float = attrs.field(validator=is_number)
    """UTC, seconds since 1970."""
    data: bytes

    def is_of(self, step: str, task: str, attempt: int) -> bool:
        """True if this attempt of this task wrote it."""
        return (self.step, self.task, self.attempt) == (step, task, attempt)

    def to_bytes(self) -> tuple[bytes, bytes, bytes]:
        """The frame's header line, its bytes, and the line feed after them."""
        fields = f"{self.step} {self.task} {self.attempt} {self.stream} {self.time!r} {len(self.data)}"
        header = f"{fields} {zlib.crc32(self.data):08x} ".encode("ascii")
        return b"%b%08x\n" % (header, zlib.crc32(header)), self.data, b"\n"


class LogSegment:
    """One file of frames. Opens nothing before it must; nothing needs closing."""

    def __init__(self, storage: Storage, flow: str, run_id: str, segment: str) -> None:
        self._storage = storage
        self._path = f"{log_folder(flow, run_id)}/{check_part(segment)}{LOG_SUFFIX}"
        self._shown = f"{flow}/{run_id}/{segment}"
        self.name = segment

    def append(self, frame: LogFrame) -> tuple[int, int]:
        """Add a frame; where it begins and where it ends. For the segment's only writer, from one thread.

        Raises:
            StorageError: it could not be written; the segment is as it was.
        """
        return self.extend((frame,))

    def extend(self, frames: Sequence[LogFrame]) -> tuple[int, int]:
        """As `append` for several frames, by one request."""
        parts = [part for frame in frames for part in frame.to_bytes()]
        start = self._storage.append(self._path, parts)
        return start, start + sum(map(len, parts))

    def frames(self, start: int = 0, end: int | None = None) -> Iterator[LogFrame]:
        """The frames between two bytes, by one ranged read; to the segment's end if `end` is `None`.

        Both must be where a frame begins or ends. An unfinished last frame is left out.

        Raises:
            ObjectNotFoundError: there is no such segment.
            DamagedLogError: when it comes to a frame that is not as it was written.
        """
        data = self._storage.read(self._path, start, None if end is None else max(0, end - start))
        return (frame for frame, _ in _frames(data, self._shown, start))

    def frames_since(self, start: int) -> tuple[list[LogFrame], int]:
        """The whole frames from byte `start` on, and where to go on: for a segment that grows.

        Raises:
            ObjectNotFoundError: there is no such segment.
            DamagedLogError: a frame is not as it was written.
        """
        found = list(_frames(self._storage.read(self._path, start), self._shown, start))
        return [frame for frame, _ in found], found[-1][1] if found else start


def log_folder(flow: str, run_id: str) -> str:
    """Where the log segments of a run are."""
    return f"runs/{check_part(flow)}/{check_part(run_id)}/logs"


def _frames(data: bytes, segment: str, start: int) -> Iterator[tuple[LogFrame, int]]:
    """Each whole frame, and where it ends in its segment."""
    offset = 0
    while (header_end := data.find(b"\n", offset)) >= 0:
        try:
            header = _parse_header(data[offset:header_end])
            data_end = header_end + 1 + header.length
            if data_end >= len(data):
                return
            frame = header.frame(data[header_end + 1 : data_end], data[data_end : data_end + 1])
        except ValueError as error:
            raise DamagedLogError(segment, start + offset, str(error)) from error
        offset = data_end + 1
        yield frame, start + offset


class _Header(NamedTuple):
    step: str
    task: str
    attempt: int
    stream: str
    time: float
    length: int
    data_sum: str

    def frame(self, data: bytes, line_feed: bytes) -> LogFrame:
        if line_feed != b"\n" or f"{zlib.crc32(data):08x}" != self.data_sum:
            raise ValueError("its checksum does not match its bytes")
        return LogFrame(self.step, self.task, self.attempt, self.stream, self.time, data)


def _parse_header(line: bytes) -> _Header:
    checked, header_sum = line[:-_SUM_DIGITS], line[-_SUM_DIGITS:]
    if b"%08x" % zlib.crc32(checked) != header_sum:
        raise ValueError("its header does not match its checksum")
    step, task, attempt, stream, time, length, data_sum, _ = checked.decode("ascii").split(" ")
    return _Header(step, task, int(attempt), stream, float(time), int(length), data_sum)
