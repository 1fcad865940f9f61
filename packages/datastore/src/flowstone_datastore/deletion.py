"""Deletes one run at once, as those ask who have the right to be forgotten."""

from contextlib import suppress

import attrs

from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.chunk_errors import DamagedChunkError, MissingChunkError
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.chunk_objects import ChunkObject
from flowstone_datastore.chunk_store import COMPRESSED_SUFFIX
from flowstone_datastore.collect import ChunkToGo, mark, sweep_all
from flowstone_datastore.datastore import Datastore
from flowstone_datastore.process_identity import is_alive
from flowstone_datastore.reachable import reachable
from flowstone_datastore.record_check import read_run
from flowstone_datastore.retention import GRACE_SECONDS
from flowstone_datastore.run_objects import remove_run, run_objects, size_of
from flowstone_datastore.run_state import IsAlive, RunState, RunSummary
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces import FlowstoneError


class NoSuchRunError(FlowstoneError, LookupError):
    """The store has nothing of a run."""

    def __init__(self, run: str, store: str) -> None:
        super().__init__(run, store)
        self.run = run
        self.store = store

    def __str__(self) -> str:
        return f"there is no run {self.run} in {self.store}; `flowstone runs` lists those that there are"


class RunIsRunningError(FlowstoneError, ValueError):
    """A run that may still be writing was to be deleted."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return f"{self.run} is running, as far as can be told; stop it first, or force the deletion if it is gone"


@attrs.frozen
class Deletion:
    """What a deletion took, in bytes as they were stored."""

    record_bytes: int
    """Of records and logs."""
    chunk_bytes: int
    """Of chunks that no other run has."""
    waiting_bytes: int
    """Of such chunks that are younger than the grace period: the first collection after it takes them."""
    shared_chunks: int
    """How many of its chunks other runs have too; they stay."""


def delete_run(
    store: Datastore,
    flow: str,
    run_id: str,
    now: float,
    grace_seconds: float = GRACE_SECONDS,
    *,
    force: bool = False,
    is_alive: IsAlive = is_alive,
) -> Deletion:
    """Delete a run's records and logs, and every chunk that only it has and that is older than the grace period.

    A younger chunk may be the one that a running writer is about to name, so it stays until a collection takes it;
    with a grace period of 0 it goes at once: then nobody may be writing to the store. Damage in the run's
    own records is no hindrance. What an interruption leaves goes with the next collection. `now` is UTC, seconds
    since 1970.

    Raises:
        NoSuchRunError: there is nothing of this run.
        RunIsRunningError: it may still be running, and `force` is false.
        CollectionStoppedError: its records are gone, but damage in another run hides which chunks are shared.
        StorageError: the store could not be changed.
    """
    storage = store.storage
    paths = run_objects(storage, flow, run_id)
    if not paths:
        raise NoSuchRunError(f"{flow}/{run_id}", store.url)
    records = read_run(store, flow, run_id).records
    summary = RunSummary.of(records, now=now, is_alive=is_alive)
    if summary is not None and summary.state is RunState.RUNNING and not force:
        raise RunIsRunningError(f"{flow}/{run_id}")
    found = reachable(store, flow, run_id, records, on_fault=lambda _owner, _error: None)
    chunks = sorted({chunk for _, chunk in found}, key=lambda chunk: chunk.address)
    record_bytes = size_of(storage, paths)
    remove_run(storage, flow, run_id, now)
    return _sweep(store, chunks, record_bytes, now - grace_seconds if grace_seconds else float("inf"))


def _sweep(store: Datastore, chunks: list[ChunkRef], record_bytes: int, cutoff: float) -> Deletion:
    needed = mark(store)
    only_its = [chunk for chunk in chunks if chunk.address not in needed]
    objects = [found for chunk in only_its for found in _objects(store, chunk.address)]
    freed = sum([chunk.size for chunk in sweep_all(store, objects, needed, cutoff)])
    waiting = sum([chunk.size for chunk in objects]) - freed
    shared = [chunk for chunk in chunks if chunk.address in needed]
    for chunk in shared:
        with suppress(DamagedChunkError, MissingChunkError):  # for a check to find; nothing of the run is in it
            store.chunks.clear_lead(chunk)
    return Deletion(record_bytes, freed, waiting, len(shared))


def _objects(store: Datastore, address: str) -> list[ChunkToGo]:
    """The objects that hold a chunk, in either form."""
    found = []
    for path in (path_of(address), path_of(address) + COMPRESSED_SUFFIX):
        try:
            found.append(ChunkToGo(ChunkObject(path, address), store.storage.status(path).size))
        except ObjectNotFoundError:
            continue
    return found
