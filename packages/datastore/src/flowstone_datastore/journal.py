"""What happened in a run: the merge of segments that grow, each by its one writer.

Nobody waits for anybody. A record that can be read is true: all that it names was stored before it
was appended.
"""

from collections.abc import Mapping
from operator import itemgetter

from flowstone_datastore.record_line import to_line
from flowstone_datastore.records import Record
from flowstone_datastore.segment import (
    DamagedRecordError,
    OnDamage,
    RecordRef,
    SegmentPart,
    parse_segment,
    raise_damage,
)
from flowstone_datastore.storage import Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces.pathspec import check_part, is_part

_SUFFIX = ".jsonl"
_MOST_TRIES = 5


class SegmentWriter:
    """Appends records to one segment, whose only writer it is. For one thread; nothing needs closing."""

    def __init__(self, storage: Storage, path: str, segment: str) -> None:
        self._storage = storage
        self._path = path
        self._segment = segment

    def append(self, record: Record) -> RecordRef:
        """Add a record; when this returns, every reader finds it. Append nothing before what it names is stored.

        Raises:
            InvalidRecordError: an opaque field holds what is not JSON.
            StorageError: it could not be written; the segment is as it was.
        """
        line = to_line(record)
        return RecordRef(self._segment, self._storage.append(self._path, line), len(line))


class Journal:
    """The records of one run. Reads and writes when asked to; holds nothing open."""

    def __init__(self, storage: Storage, flow: str, run_id: str) -> None:
        self._storage = storage
        self._folder = f"runs/{check_part(flow)}/{check_part(run_id)}/journal"
        self._run = f"{flow}/{run_id}"

    def writer(self, segment: str) -> SegmentWriter:
        """Who appends to the segment of this name; no other process or thread may.

        Raises:
            InvalidPathspecError: the name holds other characters than letters, digits, `_ . ~ -`.
        """
        return SegmentWriter(self._storage, self._path(segment), segment)

    def segments(self) -> tuple[str, ...]:
        """The names of all segments, sorted; what others left beside them (`._x.jsonl`, of a copy) is none."""
        names = [name.removesuffix(_SUFFIX) for name in self._storage.list(self._folder) if name.endswith(_SUFFIX)]
        return tuple([name for name in names if is_part(name)])

    def read(self, ref: RecordRef) -> Record:
        """One record, by one ranged read.

        Raises:
            DamagedRecordError: there is no whole record of a known type.
            ObjectNotFoundError: there is no such segment.
        """
        data = self._storage.read(self._path(ref.segment), ref.offset, ref.length)
        part = parse_segment(data, self._run, ref.segment, ref.offset)
        if len(part.lines) != 1 or part.end != ref.offset + ref.length:
            raise DamagedRecordError(self._run, ref.segment, ref.offset, f"its {ref.length} bytes are no record")
        return part.lines[0][2]

    def read_segment(self, segment: str) -> list[tuple[RecordRef, Record]]:
        """The records of one segment, in the order of writing, by one request.

        Raises:
            DamagedRecordError: a line is not as it was written.
            ObjectNotFoundError: there is no such segment.
        """
        part = parse_segment(self._storage.read(self._path(segment)), self._run, segment)
        return [(ref, record) for ref, _, record in part.lines]

    def records(self, on_damage: OnDamage = raise_damage) -> list[tuple[RecordRef, Record]]:
        """Every record, by time; within a segment in the order of writing. Each segment is read once.

        Damage is handed to `on_damage`; if that returns, the line is skipped.

        Raises:
            DamagedRecordError: from `on_damage`, unless told otherwise.
        """
        return self.records_since({}, on_damage)[0]

    def records_since(
        self, offsets: Mapping[str, int], on_damage: OnDamage = raise_damage
    ) -> tuple[list[tuple[RecordRef, Record]], dict[str, int]]:
        """The records that came after `offsets`, ordered as by `records`, and the offsets to go on from.

        `offsets` says for each segment how far it was read; those not named are read from their beginning.

        Raises:
            DamagedRecordError: from `on_damage`, unless told otherwise.
        """
        parts = self._read_parts(offsets, on_damage)
        return _merge(list(parts.values())), {**offsets, **{name: part.end for name, part in parts.items()}}

    def _read_parts(self, offsets: Mapping[str, int], on_damage: OnDamage) -> dict[str, SegmentPart]:
        """Each segment's new part; looks again if segments vanish, compacted into another, while it reads."""
        for tries_left in reversed(range(_MOST_TRIES)):
            data = {}
            try:
                for name in self.segments():
                    data[name] = self._storage.read(self._path(name), offsets.get(name, 0))
            except ObjectNotFoundError:
                if not tries_left:
                    raise
            else:
                break
        return {
            name: parse_segment(content, self._run, name, offsets.get(name, 0), on_damage)
            for name, content in data.items()
        }

    def _path(self, segment: str) -> str:
        return f"{self._folder}/{check_part(segment)}{_SUFFIX}"


def _merge(parts: list[SegmentPart]) -> list[tuple[RecordRef, Record]]:
    """All records by time, without moving one before another of its segment; equal lines are one record."""
    seen: set[bytes] = set()
    timed = []
    for part in parts:
        latest = float("-inf")
        for ref, line, record in part.lines:
            latest = max(latest, record.time)
            if line not in seen:
                seen.add(line)
                timed.append((latest, ref, record))
    timed.sort(key=itemgetter(0))
    return [(ref, record) for _, ref, record in timed]
