"""The entrance: which store to look into, and for whom."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowstone_client.settings import Settings

if TYPE_CHECKING:
    from flowstone_datastore import Datastore


class Client:
    """One store to read. Two clients of two stores, or of two namespaces, can be used side by side.

    Without a store, the one that the settings of the working folder name (see
    `Settings`). Nothing is opened before something is asked for.

    A namespace is a tag: only runs that carry it are seen. Without one, all are.
    """

    def __init__(self, store: "str | Path | Datastore | None" = None, *, namespace: str | None = None) -> None:
        self._store = store
        self.namespace = namespace
        """The tag that every run must carry to be seen; `None` for all runs."""

    @cached_property
    def datastore(self) -> "Datastore":
        """The opened store.

        Raises:
            StorageError: there is no store at the place, or it cannot be read.
            UnsupportedFormatError: it was written by a newer flowstone.
        """
        from flowstone_datastore import Datastore

        if isinstance(self._store, Datastore):
            return self._store
        if self._store is not None:
            return Datastore.open(str(self._store))
        return Datastore.open(self.settings.store, cache=self.settings.cache)

    @cached_property
    def settings(self) -> Settings:
        """What the working folder and the environment say, as of the first time that it is asked for.

        Raises:
            InvalidSettingsError: a settings file is at fault.
            ProfileNotFoundError: there is no such profile.
        """
        return Settings.load(Path.cwd(), os.environ)

    def sees(self, tags: frozenset[str]) -> bool:
        """True if a run with all these tags is in the client's namespace."""
        return self.namespace is None or self.namespace in tags

    def __reduce__(self) -> "tuple[object, ...]":
        return _reopened, (self.datastore.url, self.namespace)

    def __repr__(self) -> str:
        place = self.datastore.url if "datastore" in vars(self) else self._store
        return (
            f"Client({place!r})" if self.namespace is None else f"Client({place!r}, namespace={self.namespace!r})"
        )


def _reopened(url: str, namespace: str | None) -> Client:
    return Client(url, namespace=namespace)
