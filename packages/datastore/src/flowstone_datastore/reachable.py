"""What the records of a run point to: the mark of mark and sweep. Nothing is unpickled."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from flowstone_datastore.artifact import Artifact, ChunkRef
from flowstone_datastore.artifact_table import ArtifactTable
from flowstone_datastore.compact_json import from_json_text
from flowstone_datastore.records import Record, RunStarted, TaskFailed, TaskFinished
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from flowstone_datastore.datastore import Datastore  # which imports this to collect

OnFault = Callable[[str, Exception], None]
"""What to do with an owner whose chunks cannot all be told: raise, or note it and go on."""


def raise_fault(_owner: str, error: Exception) -> None:
    """Raise it: whoever goes on would take what is needed for what is not."""
    raise error


def reachable(
    store: "Datastore", flow: str, run_id: str, records: Iterable[Record], on_fault: OnFault = raise_fault
) -> Iterator[tuple[str, ChunkRef]]:
    """Every chunk that the records of a run name, and whose it is, once for each owner.

    An owner is `Flow/run/step/task/name`, `Flow/run/step/task (table)`, `Flow/run parameter alpha`,
    `Flow/run constant path`, `Flow/run code flow.py`,
    `Flow/run environment` or `Flow/run environment of step, step`. Reads base tables, and
    lists of chunks that stand in chunks, each once per run; the artifacts of a base are yielded with the
    first task that has it.

    Raises:
        MissingChunkError: from `on_fault`: what lists the others is not in the store.
        DamagedChunkError: from `on_fault`: it is not what was stored.
        InvalidRecordError: from `on_fault`: it is no such list.
    """
    return _Walk(store, f"{flow}/{run_id}", on_fault).all(records)


class _Walk:
    """One run's walk: remembers what it has read."""

    def __init__(self, store: "Datastore", run: str, on_fault: OnFault) -> None:
        self._store = store
        self._run = run
        self._on_fault = on_fault
        self._bases: set[str] = set()
        self._listed: dict[Artifact, tuple[ChunkRef, ...]] = {}

    def all(self, records: Iterable[Record]) -> Iterator[tuple[str, ChunkRef]]:
        for record in records:
            if isinstance(record, RunStarted):
                yield from self._of_start(record)
            elif isinstance(record, TaskFinished | TaskFailed):
                yield from self._of_table(f"{self._run}/{record.step}/{record.task}", record.artifacts)

    def _of_start(self, record: RunStarted) -> Iterator[tuple[str, ChunkRef]]:
        for name, artifact in record.parameters.items():
            yield from self._of_artifact(f"{self._run} parameter {name}", artifact)
        for name, artifact in record.constants.items():
            yield from self._of_artifact(f"{self._run} constant {name}", artifact)
        if record.code is not None:
            for path, chunk in record.code.files.items():
                yield f"{self._run} code {path}", chunk
        if record.environment is not None:
            yield f"{self._run} environment", record.environment
        for locked in record.environments:
            owner = f"{self._run} environment of {', '.join(locked.steps)}"
            for chunk in (locked.lock, *locked.packages.values()):
                yield owner, chunk

    def _of_table(self, task: str, table: ArtifactTable) -> Iterator[tuple[str, ChunkRef]]:
        if table.base is not None and table.base not in self._bases:
            self._bases.add(table.base)
            yield from self._of_base(task, table.base)
        yield from self._of_entries(task, table.entries)

    def _of_base(self, task: str, address: str) -> Iterator[tuple[str, ChunkRef]]:
        owner = f"{task} (table)"
        try:
            data = self._store.chunks.get(address, artifact=owner)
            table = ArtifactTable.from_json({"entries": from_json_text(bytes(data))})
        except (FlowstoneError, MemoryError) as error:
            self._on_fault(owner, error)
            return
        yield owner, ChunkRef(address, len(data))
        yield from self._of_entries(task, table.entries)

    def _of_entries(self, task: str, entries: Mapping[str, Artifact | None]) -> Iterator[tuple[str, ChunkRef]]:
        for name, artifact in entries.items():
            if artifact is not None:
                yield from self._of_artifact(f"{task}/{name}", artifact)

    def _of_artifact(self, owner: str, artifact: Artifact) -> Iterator[tuple[str, ChunkRef]]:
        chunks = self._listed.get(artifact)
        if chunks is None:
            try:
                chunks = tuple(self._store.artifacts.chunks(artifact))
            except (FlowstoneError, MemoryError) as error:
                self._on_fault(owner, error)
                return
            if chunks:
                self._listed[artifact] = chunks
        for chunk in chunks:
            yield owner, chunk
