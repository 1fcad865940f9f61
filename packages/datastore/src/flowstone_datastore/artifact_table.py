"""A task's artifacts by name, as its record holds them: its own, over at most one shared base.

A child inherits all that its parent had. Were each record to hold all of it, a foreach of 10,000
tasks over a parent with 1,000 artifacts would write 10,000,000 entries; so where many will inherit a
large table, it is stored once, as a chunk, and the records of the heirs name it.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_datastore.address import InvalidAddressError, check_address
from flowstone_datastore.artifact import Artifact
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.fields import InvalidRecordError, refuse
from flowstone_interfaces.python_310 import Self

SMALLEST_BASE_BYTES = 1024
"""A table of at most this much JSON is copied into each record: an address would hardly be shorter."""

MOST_COPIED_BYTES = 256 * 1024
"""How much JSON the heirs of one table may copy between them before it becomes a base."""


@attrs.frozen
class ArtifactTable:
    """Names and artifacts: those of the base table, changed by the entries.

    A value: `updated` gives the table that a child starts from, changed; nothing is read or written.
    """

    base: str | None = None
    """The address of the chunk that holds the table below; `None` if there is none."""
    entries: Mapping[str, Artifact | None] = attrs.field(factory=dict)
    """What differs from the base: an artifact is set, `None`, which needs a base, removes the name."""

    def __attrs_post_init__(self) -> None:
        if self.base is not None:
            try:
                check_address(self.base)
            except InvalidAddressError as error:
                raise InvalidRecordError("ArtifactTable.base", str(error)) from error
        for name, artifact in self.entries.items():
            check_artifact_name(name)
            if artifact is None and self.base is None:
                raise InvalidRecordError(f"artifact {name!r}", "it removes a name from no base")

    def updated(self, changes: Mapping[str, Artifact | None]) -> Self:
        """This table with some names set and some, those of `None`, removed; a removed name need not be there."""
        entries = {**self.entries, **changes}
        if self.base is None:
            entries = {name: artifact for name, artifact in entries.items() if artifact is not None}
        return attrs.evolve(self, entries=entries)

    def over(self, base: Mapping[str, Artifact]) -> dict[str, Artifact]:
        """All artifacts by name, given those of the base table, which come first."""
        merged = {**base, **self.entries}
        return {name: artifact for name, artifact in merged.items() if artifact is not None}

    def to_json(self) -> dict[str, Any]:
        """The table as FORMAT.md writes it."""
        raw: dict[str, Any] = {"entries": entries_to_json(self.entries)}
        if self.base is not None:
            raw["base"] = self.base
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it; unknown fields are ignored.

        Raises:
            InvalidRecordError: it is no table.
        """
        if not isinstance(raw, dict):
            refuse("an artifact table", raw, "an object")
        entries = raw.get("entries", {})
        if not isinstance(entries, dict):
            refuse("ArtifactTable.entries", entries, "an object")
        return cls(
            raw.get("base"),
            {name: None if item is None else Artifact.from_json(item) for name, item in entries.items()},
        )


def entries_to_json(entries: Mapping[str, Artifact | None]) -> dict[str, Any]:
    """Artifacts by name, as JSON."""
    return {name: None if artifact is None else artifact.to_json() for name, artifact in entries.items()}


def should_spill(table: ArtifactTable, fan_out: int) -> bool:
    """True if the entries of a table are too much for `fan_out` heirs to copy into a record each."""
    if fan_out * len(table.entries) == 0:
        return False
    size_bytes = len(to_json_text(entries_to_json(table.entries)))
    return size_bytes > SMALLEST_BASE_BYTES and size_bytes * fan_out > MOST_COPIED_BYTES


def check_artifact_name(name: Any) -> str:
    """Return `name` if an artifact may have it: what one can write after `self.`.

    Raises:
        InvalidRecordError: it is no Python identifier.
    """
    if not isinstance(name, str) or not name.isidentifier():
        refuse("the name of an artifact", name, "a Python identifier")
    return name
