"""An environment that steps of a run declared, as it was decided: its lock, and the packages that it names."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.fields import are_texts, is_a, is_mapping, is_text, refuse
from flowstone_interfaces.python_310 import Self


@attrs.frozen(kw_only=True)
class LockedEnvironment:
    """What the tasks of some steps run in. What the lock says is the runtime's; opaque here."""

    key: str = attrs.field(validator=is_text)
    """Equal for equal packages on one platform, whoever asked for them."""
    request: str = attrs.field(validator=is_text)
    """Equal for equal declarations: what was locked for one holds for the other."""
    steps: tuple[str, ...] = attrs.field(validator=are_texts)
    """Whose tasks run in it."""
    lock: ChunkRef = attrs.field(validator=is_a(ChunkRef))
    packages: Mapping[str, ChunkRef] = attrs.field(factory=dict, validator=is_mapping)
    """SHA-256 of a package, in hex, as the lock has it, to its bytes."""

    def to_json(self) -> dict[str, Any]:
        """The environment as FORMAT.md writes it."""
        return {
            "key": self.key,
            "request": self.request,
            "steps": list(self.steps),
            "lock": self.lock.to_json(),
            "packages": {sha256: chunk.to_json() for sha256, chunk in self.packages.items()},
        }

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it.

        Raises:
            InvalidRecordError: it is something else.
        """
        if not isinstance(raw, Mapping):
            refuse("a locked environment", raw, "an object")
        steps, packages = raw.get("steps"), raw.get("packages", {})
        if not isinstance(steps, list) or not isinstance(packages, Mapping):
            refuse("a locked environment", raw, "an object with steps and packages")
        return cls(
            key=raw.get("key", ""),
            request=raw.get("request", ""),
            steps=tuple(steps),
            lock=ChunkRef.from_json(raw.get("lock")),
            packages={sha256: ChunkRef.from_json(chunk) for sha256, chunk in packages.items()},
        )
