"""Garbage collection: says what would go, and takes it out while others are writing.

First runs are chosen and their records deleted; then everything that the records left point to is *marked*; then
what is unmarked and older than the grace period is *swept*. Whenever that is interrupted, what a record points to
is there. Nobody is locked out: what a writer stores or touches meanwhile is younger than the grace period.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import attrs

from flowstone_datastore.chunk_objects import ChunkObject, chunk_objects
from flowstone_datastore.deployments import Deployments
from flowstone_datastore.process_identity import is_alive
from flowstone_datastore.reachable import reachable
from flowstone_datastore.record_check import read_run
from flowstone_datastore.records import Record
from flowstone_datastore.retention import GRACE_SECONDS, KeepRules, RunFacts, runs_to_go
from flowstone_datastore.run_objects import (
    is_abandoned,
    is_condemned,
    remove_run,
    run_objects,
    size_of,
    stored_runs,
)
from flowstone_datastore.run_state import IsAlive, RunSummary
from flowstone_datastore.storage import DeletesMany
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageError
from flowstone_datastore.sweeping import Leftover, leftovers, put_back, remove_leftover, sweep, sweep_many
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from flowstone_datastore.datastore import Datastore  # which imports this to collect

_Run = tuple[str, str]


class CollectionStoppedError(FlowstoneError, ValueError):
    """A record or a chunk that says what is needed cannot be read, so nothing can be called garbage."""

    def __init__(self, store: str, detail: str) -> None:
        super().__init__(store, detail)
        self.store = store
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"no chunk of {self.store} was collected, since what is needed cannot be told ({self.detail}); "
            "`flowstone fsck` names all damage: repair it, or delete the runs that it touches"
        )


@attrs.frozen
class RunToGo:
    """A run whose records go, and what comes back with it."""

    flow: str
    run_id: str
    record_bytes: int
    """Of its records and logs."""
    chunk_bytes: int = 0
    """Of the chunks, as they are stored, that no run that stays has; what several share counts with the first."""


@attrs.frozen
class ChunkToGo:
    """An object that holds a chunk that nothing points to."""

    chunk: ChunkObject
    size: int
    """Bytes, as stored."""
    run: _Run | None = None
    """The run that goes whose chunk it is; `None` if it was garbage before."""


@attrs.frozen
class CollectionPlan:
    """What would go, at one moment, by one set of rules."""

    rules: KeepRules
    now: float
    """When it was made: UTC, seconds since 1970."""
    grace_seconds: float
    runs: tuple[RunToGo, ...]
    chunks: tuple[ChunkToGo, ...]
    leftovers: tuple[Leftover, ...]
    waiting_bytes: int
    """Of chunks that nothing will point to but that are too young to go now."""

    @property
    def unreachable_bytes(self) -> int:
        """Of chunks that were garbage before."""
        return sum([chunk.size for chunk in self.chunks if chunk.run is None])

    @property
    def leftover_bytes(self) -> int:
        """Of files that killed writers left."""
        return sum([leftover.size for leftover in self.leftovers])

    @property
    def size_bytes(self) -> int:
        """All that comes back."""
        records = sum([run.record_bytes for run in self.runs])
        return records + sum([chunk.size for chunk in self.chunks]) + self.leftover_bytes


@attrs.frozen
class CollectionReport:
    """What went. `done` has the form of a plan; what was planned and stayed is not in it."""

    done: CollectionPlan
    kept: tuple[tuple[str, str], ...]
    """Flow and run id of runs that were planned to go and stay, since something happened to them meanwhile."""


def plan_collection(
    store: "Datastore",
    rules: KeepRules,
    now: float,
    grace_seconds: float = GRACE_SECONDS,
    is_alive: IsAlive = is_alive,
) -> CollectionPlan:
    """What would go `now` (UTC, seconds since 1970); nothing is changed.

    Runs whose deletion was interrupted go in any case, as do claims that became no run within the grace period.

    Raises:
        CollectionStoppedError: a record is damaged, or a chunk that lists others is.
        StorageError: the store could not be read.
    """
    going = _going(store, rules, now, grace_seconds, is_alive)
    needed = mark(store, without=frozenset(going))
    owner: dict[str, _Run] = {}
    for flow, run_id in going:
        for address in _chunks_of_going(store, flow, run_id):
            if address not in needed:
                owner.setdefault(address, (flow, run_id))
    chunks, waiting_bytes = _garbage(store, needed, owner, now - grace_seconds)
    runs = [RunToGo(*run, size_of(store.storage, run_objects(store.storage, *run))) for run in going]
    gone = leftovers(store.storage, now)
    return CollectionPlan(rules, now, grace_seconds, _with_chunks(runs, chunks), chunks, gone, waiting_bytes)


def collect(store: "Datastore", plan: CollectionPlan, is_alive: IsAlive = is_alive) -> CollectionReport:
    """Carry out a plan, made just now or long ago. May be interrupted anywhere, and run beside others.

    A run goes only if the plan's rules still let it go; a chunk only if still nothing points to it, and it was
    neither stored nor touched within the grace period before the plan was made. On a storage that is no folder, a
    chunk that a writer adopts in the very moment of its deletion is lost.

    Raises:
        CollectionStoppedError: damage was met; runs may be deleted, chunks are not.
        StorageError: the store could not be changed; collect again when it can.
    """
    returned = put_back(store.storage)
    still = set(_going(store, plan.rules, plan.now, plan.grace_seconds, is_alive))
    runs = [run for run in plan.runs if (run.flow, run.run_id) in still]
    for run in runs:
        remove_run(store.storage, run.flow, run.run_id, plan.now)
    planned = {chunk.chunk for chunk in plan.chunks}
    candidates = (*plan.chunks, *[ChunkToGo(chunk, 0) for chunk in returned if chunk not in planned])
    chunks: tuple[ChunkToGo, ...] = ()
    if candidates:
        chunks = sweep_all(store, candidates, mark(store), plan.now - plan.grace_seconds)
    for leftover in plan.leftovers:
        remove_leftover(store.storage, leftover)
    done = attrs.evolve(plan, runs=_with_chunks(runs, chunks), chunks=chunks)
    kept = [(run.flow, run.run_id) for run in plan.runs if (run.flow, run.run_id) not in still]
    return CollectionReport(done, tuple(kept))


def mark(store: "Datastore", without: frozenset[_Run] = frozenset()) -> set[str]:
    """The address of every chunk that a record of a deployment or a run points to, but those and condemned runs.

    Raises:
        CollectionStoppedError: damage hides some of them.
    """
    needed: set[str] = set()
    for flow, run_id in stored_runs(store.storage):
        if (flow, run_id) not in without and not is_condemned(store.storage, flow, run_id):
            records = _records(store, flow, run_id)
            with _stops_at_damage(store):
                needed.update(chunk.address for _, chunk in reachable(store, flow, run_id, records))
    deployments = Deployments(store.storage)
    for flow, version in deployments.all():
        with _stops_at_damage(store):
            started = deployments.read(flow, version)
            needed.update(chunk.address for _, chunk in reachable(store, flow, version, [started]))
    return needed


def sweep_all(
    store: "Datastore", chunks: Iterable[ChunkToGo], needed: AbstractSet[str], cutoff: float
) -> tuple[ChunkToGo, ...]:
    """Delete those of the chunks that are not needed and older than `cutoff`; which went, with what that freed.

    Raises:
        StorageError: one could not be deleted; those before it are gone.
    """
    storage = store.storage
    going = [chunk for chunk in chunks if chunk.chunk.address not in needed]
    if isinstance(storage, DeletesMany):
        freed = sweep_many(storage, storage, [chunk.chunk for chunk in going], cutoff)
    else:
        freed = (sweep(storage, chunk.chunk, cutoff) for chunk in going)
    return tuple(
        [attrs.evolve(chunk, size=size) for chunk, size in zip(going, freed, strict=True) if size is not None]
    )


def _going(
    store: "Datastore", rules: KeepRules, now: float, grace_seconds: float, is_alive: IsAlive
) -> list[_Run]:
    """Flow and run id of all runs that go, sorted; condemned ones and the remains of claims among them."""
    going = []
    for flow, all_of in groupby(stored_runs(store.storage), key=itemgetter(0)):
        facts = []
        for _, run_id in all_of:
            if is_condemned(store.storage, flow, run_id):
                going.append((flow, run_id))
                continue
            records = _records(store, flow, run_id)
            summary = RunSummary.of(records, now=now, is_alive=is_alive)
            if summary is not None:
                facts.append(RunFacts.of(flow, run_id, summary))
            elif not records and is_abandoned(store.storage, flow, run_id, now - grace_seconds):
                going.append((flow, run_id))
        going += [(run.flow, run.run_id) for run in runs_to_go(facts, rules, now, grace_seconds)]
    return sorted(going)


def _chunks_of_going(store: "Datastore", flow: str, run_id: str) -> Iterator[str]:
    """The chunks of a run that goes, as far as they can be told: they only say what came back with which run."""
    records = read_run(store, flow, run_id).records
    for _, chunk in reachable(store, flow, run_id, records, on_fault=lambda _owner, _error: None):
        yield chunk.address


def _garbage(
    store: "Datastore", needed: AbstractSet[str], owner: dict[str, _Run], cutoff: float
) -> tuple[tuple[ChunkToGo, ...], int]:
    """Chunks that nothing will point to: those older than `cutoff`, and the bytes of the younger ones."""
    old, young_bytes = [], 0
    for found in chunk_objects(store.storage):
        if not isinstance(found, ChunkObject) or found.address in needed:
            continue
        try:
            status = store.storage.status(found.path)
        except ObjectNotFoundError:
            continue
        if status.modified < cutoff:
            old.append(ChunkToGo(found, status.size, owner.get(found.address)))
        else:
            young_bytes += status.size
    return tuple(old), young_bytes


def _with_chunks(runs: list[RunToGo], chunks: tuple[ChunkToGo, ...]) -> tuple[RunToGo, ...]:
    """The runs, each with the bytes of its chunks."""
    sizes: defaultdict[_Run | None, int] = defaultdict(int)
    for chunk in chunks:
        sizes[chunk.run] += chunk.size
    return tuple([attrs.evolve(run, chunk_bytes=sizes[run.flow, run.run_id]) for run in runs])


def _records(store: "Datastore", flow: str, run_id: str) -> list[Record]:
    with _stops_at_damage(store):
        return [record for _, record in store.journal(flow, run_id).records()]


@contextmanager
def _stops_at_damage(store: "Datastore") -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except FlowstoneError as error:
        raise CollectionStoppedError(store.url, str(error)) from error
