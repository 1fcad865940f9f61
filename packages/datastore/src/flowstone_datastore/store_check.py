"""Verifies everything that the runs of a store rest on, and names what is damaged and whom that touches.

One chunk at a time is in memory. Damage of any kind, and records of whoever wished us
ill, are findings, never a crash.
"""

import contextlib
from collections.abc import Callable, Iterator

import attrs

from flowstone_datastore.address import check_address
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.chunk_file import LEAD_MODULUS, path_of
from flowstone_datastore.chunk_objects import Stray, chunk_objects
from flowstone_datastore.datastore import Datastore
from flowstone_datastore.findings import Damage, Finding, StrayObject
from flowstone_datastore.log_check import check_logs
from flowstone_datastore.reachable import reachable
from flowstone_datastore.record_check import read_run
from flowstone_datastore.run_objects import is_condemned, stored_runs
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageError
from flowstone_interfaces import FlowstoneError


@attrs.frozen
class CheckReport:
    """What was verified, and what is wrong."""

    findings: tuple[Finding, ...]
    runs: int
    records: int
    chunks: int
    """How many different chunks the records point to."""
    chunk_bytes: int
    """Of those that were verified, uncompressed."""
    unreachable_chunks: int
    """Objects that nothing points to: garbage, or what is being written. No damage."""

    @property
    def is_clean(self) -> bool:
        """True if nothing is damaged; strays are no damage."""
        return not any(isinstance(finding, Damage) for finding in self.findings)


def check(store: Datastore, on_run: Callable[[str, str], None] = lambda _flow, _run: None) -> CheckReport:
    """Read every record, every log frame and every chunk that a record points to.

    `on_run` is told each flow and run id before it is read. Runs whose deletion was interrupted are left out.
    Runs may be written meanwhile. Memory grows with the number of chunks, not with their sizes.

    Raises:
        StorageError: the store could not be read: that says nothing of what is in it.
    """
    # Whatever this process, or one before it, verified is verified again.
    return _Check(Datastore(store.storage, verify="always")).run(on_run)


class _Check:
    """One pass over a store, and a second over the records if chunks are damaged, to name whom that touches."""

    def __init__(self, store: Datastore) -> None:
        self._store = store
        self._findings: list[Finding] = []
        self._records = 0
        self._bytes = 0
        self._seen: set[ChunkRef] = set()
        self._addresses: set[str] = set()
        self._damaged: dict[ChunkRef, str] = {}
        self._unlisted: dict[str, list[str]] = {}

    def run(self, on_run: Callable[[str, str], None]) -> CheckReport:
        runs = [run for run in stored_runs(self._store.storage) if not is_condemned(self._store.storage, *run)]
        for flow, run_id in runs:
            on_run(flow, run_id)
            self._check_run(flow, run_id)
        self._findings += self._damaged_chunks(runs)
        unreachable = self._check_folder()
        return CheckReport(
            tuple(self._findings), len(runs), self._records, len(self._seen), self._bytes, unreachable
        )

    def _check_run(self, flow: str, run_id: str) -> None:
        found = read_run(self._store, flow, run_id)
        self._findings += found.findings
        self._records += len(found.records)
        self._findings += check_logs(self._store, flow, run_id, found.records)
        for _, chunk in reachable(self._store, flow, run_id, found.records, on_fault=self._note_fault):
            if chunk not in self._seen:
                self._seen.add(chunk)
                self._addresses.add(chunk.address)
                self._verify(chunk)

    def _verify(self, chunk: ChunkRef) -> None:
        """Read a chunk, unless its file says already that it cannot be right."""
        try:
            self._check_size(chunk)
            self._store.chunks.get(chunk.address, size=chunk.size)
        except StorageError:
            raise
        except FlowstoneError as error:
            self._damaged[chunk] = _detail(error)
        except (MemoryError, OverflowError):
            self._damaged[chunk] = f"its {chunk.size} bytes do not fit into memory"
        else:
            self._bytes += chunk.size

    def _check_size(self, chunk: ChunkRef) -> None:
        """Say what is wrong with a size, before anything of that size is read."""
        with contextlib.suppress(ObjectNotFoundError):
            size = self._store.storage.status(path_of(check_address(chunk.address))).size
            if not 0 <= size - chunk.size < LEAD_MODULUS:
                raise _WrongSizeError(size, chunk.size)

    def _note_fault(self, owner: str, error: Exception) -> None:
        if isinstance(error, StorageError):
            raise error
        self._unlisted.setdefault(_detail(error), []).append(owner)

    def _damaged_chunks(self, runs: list[tuple[str, str]]) -> Iterator[Finding]:
        owners: dict[ChunkRef, dict[str, None]] = {chunk: {} for chunk in self._damaged}
        for flow, run_id in runs if self._damaged else ():
            if is_condemned(self._store.storage, flow, run_id):
                continue
            records = read_run(self._store, flow, run_id).records
            for owner, chunk in reachable(self._store, flow, run_id, records, on_fault=lambda _o, _e: None):
                if chunk in owners:
                    owners[chunk][owner] = None
        for chunk, detail in self._damaged.items():
            if not owners[chunk]:  # its run was deleted meanwhile
                continue
            yield Damage(path_of(chunk.address), detail, tuple(owners[chunk]))
        for detail, touched in self._unlisted.items():
            yield Damage("a list of artifacts or chunks", detail, tuple(dict.fromkeys(touched)))

    def _check_folder(self) -> int:
        """Look for strays; how many chunk objects nothing points to."""
        unreachable = 0
        for found in chunk_objects(self._store.storage):
            if isinstance(found, Stray):
                self._findings.append(StrayObject(found.path, "it is no chunk; no store wrote it"))
            elif found.address not in self._addresses:
                unreachable += 1
        return unreachable


class _WrongSizeError(FlowstoneError, ValueError):
    """The file of a chunk cannot be the chunk."""

    def __init__(self, found: int, wanted: int) -> None:
        super().__init__(found, wanted)
        self.found = found
        self.wanted = wanted

    def __str__(self) -> str:
        return f"its file has {self.found} bytes instead of {self.wanted}; restore it from a backup"


def _detail(error: Exception) -> str:
    return str(error) or type(error).__name__
