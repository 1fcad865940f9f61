"""Who uses what: which bytes are one's alone, and which others have too.

Bytes of chunks are counted as they were before compression, from the records alone: no
object is asked for its size. Nothing is unpickled.
"""

from collections.abc import Iterable, Mapping

import attrs

from flowstone_datastore.datastore import Datastore
from flowstone_datastore.reachable import reachable
from flowstone_datastore.run_objects import is_condemned, run_objects, size_of, stored_runs

Use = tuple[str, str, int, Mapping[str, int]]
"""Flow, run id, bytes of records and logs, and the size of each chunk by address."""


@attrs.frozen
class Usage:
    """What a flow or a run uses, in bytes."""

    unshared_bytes: int
    """Of chunks that nobody else has: what comes back when it goes."""
    shared_bytes: int
    """Of chunks that another has, too."""
    record_bytes: int
    """Of records and logs."""


@attrs.frozen
class UsageReport:
    """Who uses what."""

    flows: Mapping[str, Usage]
    """By flow: what all its runs use together; shared is what another flow has, too."""
    runs: Mapping[tuple[str, str], Usage]
    """By flow and run id; shared is what another run has, of whatever flow."""
    chunk_bytes: int
    """Of all chunks that a record points to, each counted once."""
    record_bytes: int

    @property
    def size_bytes(self) -> int:
        """All in all."""
        return self.chunk_bytes + self.record_bytes


def usage(store: Datastore) -> UsageReport:
    """Who uses what in a store. Memory grows with the number of chunks.

    Raises:
        DamagedRecordError: a record is damaged; a check of the store says more.
        MissingChunkError: a chunk that lists others is not there.
        DamagedChunkError: a chunk that lists others is damaged.
        StorageError: the store could not be read.
    """
    return share_out(_uses(store))


def share_out(uses: Iterable[Use]) -> UsageReport:
    """Divide what is used into what is shared and what is not; runs of one flow come one after the other."""
    sizes: dict[str, int] = {}
    by_run = _Sharing()
    by_flow = _Sharing()
    of_flow: dict[str, dict[str, int]] = {}
    flow_records: dict[str, int] = {}
    run_records: dict[tuple[str, str], int] = {}
    for flow, run_id, record_bytes, chunks in uses:
        sizes.update(chunks)
        by_run.add((flow, run_id), chunks)
        if flow not in of_flow:
            of_flow = {flow: {}}
        new = {address: size for address, size in chunks.items() if address not in of_flow[flow]}
        of_flow[flow].update(new)
        by_flow.add(flow, new)
        run_records[flow, run_id] = record_bytes
        flow_records[flow] = flow_records.get(flow, 0) + record_bytes
    return UsageReport(
        {flow: by_flow.usage(flow, record_bytes) for flow, record_bytes in flow_records.items()},
        {run: by_run.usage(run, record_bytes) for run, record_bytes in run_records.items()},
        sum(sizes.values()),
        sum(run_records.values()),
    )


class _Sharing:
    """Whose each chunk is, as long as it is one's alone."""

    def __init__(self) -> None:
        self._owner: dict[str, object] = {}
        self._unshared: dict[object, int] = {}
        self._all: dict[object, int] = {}

    def add(self, who: object, chunks: Mapping[str, int]) -> None:
        for address, size in chunks.items():
            self._all[who] = self._all.get(who, 0) + size
            if address not in self._owner:
                self._owner[address] = who
                self._unshared[who] = self._unshared.get(who, 0) + size
            elif self._owner[address] is not None:
                self._unshared[self._owner[address]] -= size
                self._owner[address] = None

    def usage(self, who: object, record_bytes: int) -> Usage:
        unshared = self._unshared.get(who, 0)
        return Usage(unshared, self._all.get(who, 0) - unshared, record_bytes)


def _uses(store: Datastore) -> Iterable[Use]:
    for flow, run_id in stored_runs(store.storage):
        if is_condemned(store.storage, flow, run_id):
            continue
        records = [record for _, record in store.journal(flow, run_id).records()]
        chunks = {chunk.address: chunk.size for _, chunk in reachable(store, flow, run_id, records)}
        yield flow, run_id, size_of(store.storage, run_objects(store.storage, flow, run_id)), chunks
