"""The artifacts of a finished task, as its children see them: found by name, read lazily."""

from collections.abc import Callable, Iterable
from functools import cached_property

import attrs

from flowstone_datastore import Artifact, ArtifactTable, NoSuchArtifactError, TableStore


@attrs.define(slots=False)
class ParentArtifacts:
    """A parent's table, fetched on first use, and a list of what was read from it."""

    task: str
    """`step/task`, as reads are recorded."""
    _tables: TableStore
    _fetch: Callable[[], ArtifactTable]
    """Reads the table from the parent's record."""
    reads: dict[str, str] = attrs.field(factory=dict)
    """Name to address of every artifact that was read."""

    @cached_property
    def table(self) -> ArtifactTable:
        """The table as stored, for a child to build its own upon."""
        return self._fetch()

    def get(self, name: str) -> Artifact | None:
        """What the parent passed on under this name."""
        try:
            return self._tables.find(self.table, name)
        except NoSuchArtifactError:
            return None

    def names(self) -> Iterable[str]:
        """Every name that the parent passed on."""
        return self._tables.flatten(self.table)

    def note_read(self, name: str, artifact: Artifact) -> None:
        """Record that the task depends on this artifact."""
        self.reads[name] = artifact.address


def nothing_inherited(tables: TableStore) -> ParentArtifacts:
    """What the first task of a run starts from."""
    return ParentArtifacts("", tables, ArtifactTable)
