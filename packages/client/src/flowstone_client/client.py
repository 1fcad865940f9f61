"""The entrance: which store to look into."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowstone_client.settings import Settings

if TYPE_CHECKING:
    from flowstone_datastore import Datastore


class Client:
    """One store to read. Two clients of two stores can be used side by side.

    Without a store, the one that the settings of the working folder name (see
    `Settings`). Nothing is opened before something is asked for.
    """

    def __init__(self, store: "str | Path | Datastore | None" = None) -> None:
        self._store = store

    @cached_property
    def datastore(self) -> "Datastore":
        """The opened store.

        Raises:
            StorageError: there is no store at the place, or it cannot be read.
        """
        from flowstone_datastore import Datastore

        if isinstance(self._store, Datastore):
            return self._store
        if self._store is not None:
            return Datastore.open(str(self._store))
        settings = Settings.load(Path.cwd(), os.environ)
        return Datastore.open(settings.store, cache=settings.cache)

    def __repr__(self) -> str:
        return f"Client({self.datastore.url!r})" if "datastore" in vars(self) else f"Client({self._store!r})"


_default_client = Client()


def default_client() -> Client:
    """The client that `Flow(...)`, `Run(...)`, ... use when they are given none."""
    return _default_client
