"""What a task wrote to its standard output and error."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flowstone_client.errors import InvalidStreamError
from flowstone_datastore import TaskFailed, TaskFinished

if TYPE_CHECKING:
    from flowstone_client.run_journal import RunJournal
    from flowstone_datastore import LogFrame, TaskSummary

_STREAMS = ("stdout", "stderr")


class TaskLog:
    """The log of one attempt. Read anew for each question, so that what is still being written is seen."""

    def __init__(self, journal: "RunJournal", known: "TaskSummary") -> None:
        self._journal = journal
        self._known = known

    def frames(self) -> "Iterator[LogFrame]":
        """Everything, in order, as it came: bytes with stream and time.

        Of a task that was taken over: what it wrote in the run in which it ran, if that is still there.
        """
        ended, run_id = self._known.ended, self._journal.run_id
        if isinstance(ended, TaskFinished) and ended.origin is not None:
            run_id, ended = ended.origin.partition("/")[0], self._ended_in(ended.origin, ended)
        datastore, flow = self._journal.datastore, self._journal.flow
        spans: list[tuple[str, int, int | None]]
        if ended is not None:
            spans = [(ended.logs.segment, ended.logs.start, ended.logs.end)] if ended.logs else []
        else:
            spans = [(segment, 0, None) for segment in datastore.log_segments(flow, run_id)]
        for segment, start, end in spans:
            for frame in datastore.log(flow, run_id, segment).frames(start, end):
                if frame.is_of(self._known.step, self._known.task, self._known.attempt):
                    yield frame

    def _ended_in(self, origin: str, here: TaskFinished) -> TaskFinished | TaskFailed:
        """The record of the task that this was taken over from; this one's, without output, if that is gone."""
        run_id, step, task = origin.split("/")
        records = self._journal.datastore.journal(self._journal.flow, run_id).records()
        for _, record in reversed(records):
            if isinstance(record, TaskFinished) and (record.step, record.task) == (step, task):
                return record
        return here

    def data(self, stream: str) -> Iterator[bytes]:
        """The bytes of one stream, as they came."""
        return (frame.data for frame in self.frames() if frame.stream == stream)

    def text(self, stream: str) -> str:
        """One stream as text; bytes that are not UTF-8 as escapes."""
        return _decoded(b"".join(self.data(stream)))

    def lines(self, stream: str) -> Iterator[tuple[datetime, bytes]]:
        """The lines of a stream, each with the time at which it began; not ended by a line feed.

        Raises:
            InvalidStreamError: there is no such stream.
        """
        if stream not in _STREAMS:
            raise InvalidStreamError(stream)
        return self._lines(stream)

    def _lines(self, stream: str) -> Iterator[tuple[datetime, bytes]]:
        began, rest = 0.0, b""
        for frame in self.frames():
            if frame.stream != stream:
                continue
            began = began if rest else frame.time
            *lines, rest = (rest + frame.data).split(b"\n")
            for line in lines:
                yield datetime.fromtimestamp(began, timezone.utc), line
                began = frame.time
        if rest:
            yield datetime.fromtimestamp(began, timezone.utc), rest


def as_text(lines: Iterator[tuple[datetime, bytes]]) -> Iterator[tuple[datetime, Any]]:
    """The lines as text; bytes that are not UTF-8 as escapes."""
    return ((time, _decoded(line)) for time, line in lines)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="backslashreplace")
