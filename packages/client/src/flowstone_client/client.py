"""The entrance: which store to look into, and for whom."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowstone_client.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowstone_client.index import Index
    from flowstone_datastore import Datastore


class Client:
    """One store to read. Two clients of two stores, or of two namespaces, can be used side by side.

    Without a store, the one that the settings of the working folder name (see
    `Settings`). Nothing is opened before something is asked for.

    A namespace is a tag: only runs that carry it are seen. Without one, all are.

    `index_folder` is where this machine keeps the index of the store; without one, where the
    settings say.
    """

    def __init__(
        self,
        store: "str | Path | Datastore | None" = None,
        *,
        namespace: str | None = None,
        index_folder: "str | Path | None" = None,
    ) -> None:
        self._store = store
        self._index_folder = index_folder
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

    @cached_property
    def index(self) -> "Index":
        """The index of the store's runs, made or brought up to date when it is asked."""
        from flowstone_client.index import Index

        return Index(self.datastore, self._index_folder or self.settings.index_folder)

    def sql(self, query: str, values: "Sequence[Any]" = ()) -> Any:
        """Ask the index: `client.sql("select run_id, state from runs where flow = ?", ["Train"])`.

        The tables, each with `flow` and `run_id`: `runs` (`state`, `user`, `started`, `ended`, `message`,
        `origin_run`), `tags` (`tag`, `is_system`), `tasks` (`step`, `task`, `attempt`, `state`, `started`,
        `ended`, `seconds`), `artifacts` (`name`, `kind`, `type`, `size`, `address`, `value`), `parameters`
        (`name`, `type`, `value`). Times are UTC, seconds since 1970. `artifacts` holds parameters,
        constants, and what the run ended with; `value` that of numbers, texts and truth values. All runs of
        the store are there, whatever the namespace.

        Returns a pandas frame if pandas is installed, else a list of dicts.

        Raises:
            InvalidQueryError: it is not one SELECT over these tables.
        """
        from flowstone_client.queries import ask_sql

        return ask_sql(self, query, values)

    def sees(self, tags: frozenset[str]) -> bool:
        """True if a run with all these tags is in the client's namespace."""
        return self.namespace is None or self.namespace in tags

    def __reduce__(self) -> "tuple[object, ...]":
        return _reopened, (self.datastore.url, self.namespace, self._index_folder)

    def __repr__(self) -> str:
        place = self.datastore.url if "datastore" in vars(self) else self._store
        return (
            f"Client({place!r})" if self.namespace is None else f"Client({place!r}, namespace={self.namespace!r})"
        )


def _reopened(url: str, namespace: str | None, index_folder: "str | Path | None") -> Client:
    return Client(url, namespace=namespace, index_folder=index_folder)
