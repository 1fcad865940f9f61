"""What happens to runs that have ended (tags, going on): a segment each, and a hint for who keeps an index."""

import os
from collections.abc import Iterator

from flowstone_datastore.journal import Journal
from flowstone_datastore.records import Heartbeat, TagsChanged
from flowstone_datastore.storage import Storage
from flowstone_interfaces.pathspec import check_part, is_part


def append_tag_change(storage: Storage, flow: str, run_id: str, change: TagsChanged) -> None:
    """Write a change down: nobody waits for anybody, and of several at once all hold.

    Raises:
        StoreNotWritableError: the store can only be read.
        StorageError: it could not be written.
    """
    random = os.urandom(16).hex()
    Journal(storage, flow, run_id).writer(f"tags-{random}").append(change)
    _write_hint(storage, flow, run_id, random)


def reopen_run(storage: Storage, flow: str, run_id: str, now: float) -> None:
    """Say that somebody goes on with a run that has ended; `now` is UTC, seconds since 1970, and after its end.

    Raises:
        StoreNotWritableError: the store can only be read.
        StorageError: it could not be written.
    """
    random = os.urandom(16).hex()
    Journal(storage, flow, run_id).writer(f"again-{random}").append(Heartbeat(time=now))
    _write_hint(storage, flow, run_id, random)


def _write_hint(storage: Storage, flow: str, run_id: str, random: str) -> None:
    storage.write_new(f"{_folder(flow)}/{random[:16]}.{check_part(run_id)}", b"")


def tag_hints(storage: Storage, flow: str) -> Iterator[tuple[str, str]]:
    """Each hint and the run whose tags were changed. One listing, however many runs there are."""
    for name in storage.list(_folder(flow)):
        run_id = name.partition(".")[2]
        if is_part(run_id):
            yield name, run_id


def hint_paths(storage: Storage, flow: str, run_id: str) -> list[str]:
    """The hints of one run, which go with it."""
    if not is_part(flow):
        return []
    return [f"{_folder(flow)}/{name}" for name, tagged in tag_hints(storage, flow) if tagged == run_id]


def _folder(flow: str) -> str:
    return f"tagged/{check_part(flow)}"
