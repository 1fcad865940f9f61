"""A store: values, journals and logs under one root."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowstone_datastore.artifact_store import ArtifactStore
from flowstone_datastore.chunk_cache import ChunkCache
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.journal import Journal
from flowstone_datastore.logs import LOG_SUFFIX, LogSegment, log_folder
from flowstone_datastore.marker import NotAStoreError, has_marker, write_marker
from flowstone_datastore.open_storage import open_storage
from flowstone_datastore.retention import GRACE_SECONDS, KeepRules
from flowstone_datastore.run_ids import make_run_id
from flowstone_datastore.storage import Storage
from flowstone_datastore.table_store import TableStore
from flowstone_datastore.verification import Verify
from flowstone_interfaces.pathspec import check_part, is_part
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_datastore.collect import CollectionReport


class Datastore:
    """One root and all that is under it. Holds nothing open; may be used from any thread, and after a fork."""

    def __init__(self, storage: Storage, verify: Verify = "once", cache: ChunkCache | None = None) -> None:
        self.storage = storage
        """The place itself: what looks after it (checks, deletes, counts) sees it without the cache."""
        self.chunks = ChunkStore(cache.before(storage) if cache else storage, verify)
        self.artifacts = ArtifactStore(self.chunks)
        self.tables = TableStore(self.chunks)

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        *,
        create: bool = False,
        verify: Verify = "once",
        cache: ChunkCache | None = None,
    ) -> Self:
        """The store in a folder or behind a URL; with `create`, a new one if there is none.

        `verify` says when bytes are checked against their address: `always`, `once` per file, or `never`.
        `cache` is a local folder for chunks of a store that is far away; for any other it means nothing.

        Raises:
            NotAStoreError: there is none, and `create` is false or the place holds something else.
            UnsupportedFormatError: it is of another format.
            StorageError: it could not be read, or made.
            PluginNotFoundError: no installed package knows the URL's scheme.
            BrokenPluginError: the package that knows it cannot be imported.
        """
        return cls.at(open_storage(location), create=create, verify=verify, cache=cache)

    @classmethod
    def at(
        cls, storage: Storage, *, create: bool = False, verify: Verify = "once", cache: ChunkCache | None = None
    ) -> Self:
        """As `open`, for a storage that one has."""
        if not has_marker(storage):
            if not create:
                raise NotAStoreError(
                    storage.url, "there is no flowstone.json; run a flow that stores there, or look elsewhere"
                )
            write_marker(storage)
            if isinstance(storage, FileStorage):
                storage.write_new(".gitignore", b"*\n")
        return cls(storage, verify, cache)

    @property
    def url(self) -> str:
        """How another process opens this store."""
        return self.storage.url

    def flows(self) -> Iterator[str]:
        """The names of all flows that ran, sorted."""
        return _folders(self.storage, "runs")

    def run_ids(self, flow: str) -> Iterator[str]:
        """The ids of a flow's runs, newest first (ids that were not made here stand where their text sorts)."""
        return reversed([*_folders(self.storage, f"runs/{check_part(flow)}")])

    def journal(self, flow: str, run_id: str) -> Journal:
        """The records of a run, to read or to write."""
        return Journal(self.storage, flow, run_id)

    def log(self, flow: str, run_id: str, segment: str) -> LogSegment:
        """A segment of a run's logs, to read or to write."""
        return LogSegment(self.storage, flow, run_id, segment)

    def log_segments(self, flow: str, run_id: str) -> tuple[str, ...]:
        """The names of the log segments of a run, sorted."""
        found = self.storage.list(log_folder(flow, run_id))
        names = [name.removesuffix(LOG_SUFFIX) for name in found if name.endswith(LOG_SUFFIX)]
        return tuple([name for name in names if is_part(name)])

    def collect(
        self, rules: KeepRules, now: float, *, grace_seconds: float = GRACE_SECONDS, dry_run: bool = False
    ) -> "CollectionReport":
        """Delete the runs that no rule keeps and the chunks that nothing needs; with `dry_run`, only say which.

        `now` is UTC, seconds since 1970. Chunks that were written or touched less than `grace_seconds` ago stay:
        somebody may be about to record them. May be interrupted at any point; runs may be writing meanwhile.

        Raises:
            CollectionStoppedError: something is damaged, so what is needed cannot be told; nothing was deleted.
            StorageError: something could not be read, or deleted.
        """
        from flowstone_datastore.collect import CollectionReport, collect, plan_collection

        plan = plan_collection(self, rules, now, grace_seconds)
        return CollectionReport(plan, ()) if dry_run else collect(self, plan)

    def new_run_id(self, flow: str, now: float) -> str:
        """An id for a run that begins `now` (UTC, seconds since 1970), claimed: nobody else gets it.

        Ids sort by time, to the microsecond; where one is taken, the next is claimed.

        Raises:
            StorageError: it could not be written.
        """
        microseconds = round(now * 1_000_000)
        while not self.claim_run_id(flow, run_id := make_run_id(microseconds), now):
            microseconds += 1
        return run_id

    def claim_run_id(self, flow: str, run_id: str, now: float) -> bool:
        """Make a run id that was chosen elsewhere this caller's; `False` if it is taken.

        Raises:
            InvalidPathspecError: flow or id holds other characters than letters, digits, `_ . ~ -`.
            StorageError: it could not be written.
        """
        path = f"runs/{check_part(flow)}/{check_part(run_id)}/claim.json"
        return self.storage.write_new(path, to_json_text({"flow": flow, "run_id": run_id, "time": now}) + b"\n")


def _folders(storage: Storage, folder: str) -> Iterator[str]:
    """The names of the folders directly below one, sorted."""
    return (name.removesuffix("/") for name in storage.list(folder) if name.endswith("/"))
