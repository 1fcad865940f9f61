"""Reads and writes the base tables that the tables of many tasks share."""

from typing import Any

from flowstone_datastore.artifact import Artifact
from flowstone_datastore.artifact_table import ArtifactTable, check_artifact_name, entries_to_json, should_spill
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.compact_json import from_json_text, to_json_text
from flowstone_datastore.fields import refuse
from flowstone_interfaces import FlowstoneError

_MOST_BASES = 16


class NoSuchArtifactError(FlowstoneError, LookupError):
    """A table has no artifact of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"there is no artifact {self.name!r} here; was it set in a step that runs before this one?"


class TableStore:
    """Artifact tables over their bases. Loads no value; may be used from any thread.

    The bases read last are remembered, unparsed, since the tasks of one foreach share theirs.
    """

    def __init__(self, chunks: ChunkStore) -> None:
        self._chunks = chunks
        self._bases: dict[str, dict[str, Any]] = {}

    def find(self, table: ArtifactTable, name: str) -> Artifact:
        """The artifact of this name.

        Raises:
            NoSuchArtifactError: the table has none.
            MissingChunkError: the base is not in the store.
            DamagedChunkError: the base is not what was stored.
            InvalidRecordError: the base is no table.
        """
        artifact = table.entries.get(name)
        if artifact is not None:
            return artifact
        if table.base is None or name in table.entries or name not in (base := self._base(table.base)):
            raise NoSuchArtifactError(name)
        return Artifact.from_json(base[name])

    def flatten(self, table: ArtifactTable) -> dict[str, Artifact]:
        """All artifacts by name.

        Raises:
            MissingChunkError: the base is not in the store.
            DamagedChunkError: the base is not what was stored.
            InvalidRecordError: the base is no table.
        """
        base = {} if table.base is None else self._base(table.base)
        wanted = {name: raw for name, raw in base.items() if name not in table.entries}
        return table.over({check_artifact_name(name): Artifact.from_json(raw) for name, raw in wanted.items()})

    def spill(self, table: ArtifactTable, fan_out: int) -> ArtifactTable:
        """The same names and artifacts, as the record of a task with `fan_out` heirs should hold them.

        Where that saves records from growing, the whole table is stored as a new base, which the heirs share.

        Raises:
            StorageError: the base could not be written, or the one below not be read.
        """
        if not should_spill(table, fan_out):
            return table
        flat = self.flatten(table)
        chunk = self._chunks.put((to_json_text(entries_to_json(dict(sorted(flat.items())))),))
        return ArtifactTable(chunk.address)

    def _base(self, address: str) -> dict[str, Any]:
        known = self._bases.get(address)
        if known is not None:
            return known
        raw = from_json_text(bytes(self._chunks.get(address, artifact="an artifact table")))
        if not isinstance(raw, dict):
            refuse("a base table", raw, "an object")
        if len(self._bases) >= _MOST_BASES:
            self._bases = {}
        self._bases[address] = raw
        return raw
