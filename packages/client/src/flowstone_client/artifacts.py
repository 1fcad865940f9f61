"""Artifacts by name, as attributes: `task.data.model`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowstone_client.errors import NotFoundError
from flowstone_datastore import DataAccess, record_data_access

ARTIFACT_SCHEME = "flowstone:"
"""What the record of a task calls an artifact that it read by its name."""

if TYPE_CHECKING:
    from flowstone_datastore import Artifact, Datastore


class NoSuchDataError(NotFoundError, AttributeError):
    """There is no artifact or parameter of this name; an `AttributeError`, so that `hasattr` answers."""


def load_named(datastore: "Datastore", artifact: "Artifact", pathspec: str) -> Any:
    """The value of an artifact; a task that asks is recorded as having read it."""
    value = datastore.artifacts.load(artifact, name=pathspec)
    record_data_access(DataAccess("read", f"{ARTIFACT_SCHEME}{pathspec}", artifact.address, artifact.size))
    return value


class Artifacts:
    """Values by name, each loaded when it is first read and kept from then on.

    Names that start with `_` are found but not listed. (`task["_entries"].data` finds an artifact
    that has the name of an attribute of this class.)
    """

    def __init__(
        self, pathspec: str, datastore: "Datastore", entries: "Mapping[str, Artifact]", kind: str = "artifact"
    ) -> None:
        self._pathspec = pathspec
        self._datastore = datastore
        self._entries = entries
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = load_named(self._datastore, self._entry(name), f"{self._pathspec}/{name}")
        vars(self)[name] = value
        return value

    def _entry(self, name: str) -> "Artifact":
        artifact = self._entries.get(name)
        if artifact is None:
            known = tuple(sorted(known for known in self._entries if not known.startswith("_")))
            raise NoSuchDataError(self._kind, f"{self._pathspec}/{name}", self._datastore.url, known)
        return artifact

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name in self._entries if not name.startswith("_")))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_values

        return html_of_values(self._pathspec, self._kind, self._entries)

    def __repr__(self) -> str:
        return f"<{self._pathspec}: {', '.join(self) or f'no {self._kind}s'}>"
