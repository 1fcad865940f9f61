"""One file of records: how its bytes become records, and what a torn or damaged line is."""

from collections.abc import Callable

import attrs

from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.record_line import from_line, is_whole
from flowstone_datastore.records import Record
from flowstone_interfaces import FlowstoneError


class DamagedRecordError(FlowstoneError, ValueError):
    """A line of a journal that is not as it was written."""

    def __init__(self, run: str, segment: str, offset: int, detail: str) -> None:
        super().__init__(run, segment, offset, detail)
        self.run = run
        self.segment = segment
        self.offset = offset
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"the record at byte {self.offset} of {self.run}, segment {self.segment}, is damaged ({self.detail}); "
            "restore the file from a backup, or run again what it recorded"
        )


OnDamage = Callable[[DamagedRecordError], None]
"""What to do with damage: raise it, or note it and go on with the next line."""


def raise_damage(error: DamagedRecordError) -> None:
    """Raise it."""
    raise error


@attrs.frozen(order=True)
class RecordRef:
    """Where a record is: good for one ranged read, until the segment is compacted into another."""

    segment: str
    offset: int
    """Of the line's first byte."""
    length: int
    """Of the line, its line feed included."""


@attrs.frozen
class SegmentPart:
    """What a stretch of a segment holds."""

    lines: tuple[tuple[RecordRef, bytes, Record], ...]
    """Each record, where it is, and its line without the line feed. Records of unknown types are left out."""
    end: int
    """Where to read on: behind the last whole line. What follows is torn, or still being written."""


def parse_segment(
    data: bytes, run: str, segment: str, start: int = 0, on_damage: OnDamage = raise_damage
) -> SegmentPart:
    """The records of a segment's bytes from offset `start` on, the torn last line left out.

    `run` (`Flow/run`) and `segment` are what errors name. Damage is handed to `on_damage`; if that returns, the
    line is skipped.

    Raises:
        DamagedRecordError: from `on_damage`, unless told otherwise.
    """
    lines = []
    offset = 0
    while (end := data.find(b"\n", offset)) >= 0:
        line = data[offset:end]
        try:
            record = from_line(line)
        except InvalidRecordError as error:
            on_damage(DamagedRecordError(run, segment, start + offset, error.detail))
        else:
            if record is not None:
                lines.append((RecordRef(segment, start + offset, end + 1 - offset), line, record))
        offset = end + 1
    tail = data[offset:]
    if is_whole(tail[:-1]):  # an append that was cut short leaves less than a line, never more
        on_damage(DamagedRecordError(run, segment, start + offset, "its line feed is gone"))
    return SegmentPart(tuple(lines), start + offset)
