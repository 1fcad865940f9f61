"""A journal that may still grow: read on from where the last look ended."""

from flowstone_datastore import Journal, Record, RecordRef


class GrowingJournal:
    """The records of a run, as of the last look. For one thread.

    Segments grow at their own pace, so what is new may be older than what was known: the order
    is always that of a journal read at once.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._offsets: dict[str, int] = {}
        self._latest: dict[str, float] = {}
        self._known: list[tuple[float, RecordRef, Record]] = []

    def has_segments(self) -> bool:
        """True if anybody has written to it; nothing is read."""
        return bool(self._journal.segments())

    @property
    def size(self) -> int:
        """How many bytes have been read."""
        return sum(self._offsets.values())

    def records(self) -> list[Record]:
        """All records by time; within a segment in the order of writing. Reads only what is new.

        Raises:
            DamagedRecordError: a line is not as it was written.
        """
        found, self._offsets = self._journal.records_since(self._offsets)
        for ref, record in found:
            latest = max(self._latest.get(ref.segment, record.time), record.time)
            self._latest[ref.segment] = latest
            self._known.append((latest, ref, record))
        if found:
            self._known.sort(key=lambda known: known[:2])
        return [record for _, _, record in self._known]
