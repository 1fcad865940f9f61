"""The environment of a run: its Python, and every distribution that was installed."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_datastore import ChunkRef, Datastore


class NoEnvironmentError(FlowstoneError, LookupError):
    """Nothing says what was installed when a run was started."""

    def __init__(self, pathspec: str) -> None:
        super().__init__(pathspec)
        self.pathspec = pathspec

    def __str__(self) -> str:
        return (
            f"{self.pathspec} has no record of its environment; it was not started by a command line that keeps it"
        )


@attrs.frozen
class Distribution:
    """Something that was installed."""

    name: str
    version: str
    kind: str = "index"
    """Where it came from: `index`, `editable`, `folder`, `archive`, `vcs` or `conda`."""
    url: str = ""
    """The folder, archive or repository; empty if it came from an index."""
    revision: str = ""
    """The commit of a repository, the hash of an archive; empty if there is none."""

    @property
    def requirement(self) -> str:
        """What an installer is asked for to get it again; empty for a folder, whose content nobody kept."""
        if self.kind == "vcs":
            return f"{self.name} @ {self.url}@{self.revision}"
        if self.kind == "archive":
            return f"{self.name} @ {self.url}"
        return "" if self.kind in {"editable", "folder"} else f"{self.name}=={self.version}"

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; fields of later versions are ignored."""
        return cls(**{field.name: raw[field.name] for field in attrs.fields(cls) if field.name in raw})

    def to_json(self) -> dict[str, str]:
        """The distribution as an object; empty fields are left out."""
        return {name: text for name, text in attrs.asdict(self).items() if text}


class RunEnvironment(Mapping[str, Distribution]):
    """What was installed, by name. Read when it is asked for.

    Raises:
        NoEnvironmentError: the run has no record of it.
        DamagedChunkError: it is not what was stored.
    """

    def __init__(self, datastore: "Datastore", pathspec: str, ref: "ChunkRef | None") -> None:
        self._datastore = datastore
        self._pathspec = pathspec
        self._ref = ref

    @property
    def address(self) -> str:
        """Equal environments have equal addresses; empty if nothing is known."""
        return "" if self._ref is None else self._ref.address

    @property
    def python(self) -> dict[str, str]:
        """`version`, `implementation`, `platform` and `libc` of the interpreter."""
        return dict(self._document["python"])

    def to_json(self) -> dict[str, Any]:
        """Everything as it was recorded."""
        return dict(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        if self._ref is None:
            raise NoEnvironmentError(self._pathspec)
        shown = f"the environment of {self._pathspec}"
        data = self._datastore.chunks.get(self._ref.address, size=self._ref.size, artifact=shown)
        document: dict[str, Any] = json.loads(bytes(data))
        return document

    @cached_property
    def _by_name(self) -> dict[str, Distribution]:
        found = [Distribution.from_json(raw) for raw in self._document["distributions"]]
        return {distribution.name: distribution for distribution in found}

    def __getitem__(self, name: str) -> Distribution:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        if self._ref is None:
            return f"<the environment of {self._pathspec}: not recorded>"
        return f"<the environment of {self._pathspec}: Python {self.python['version']}, {len(self)} distributions>"
