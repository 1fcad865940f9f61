# ruff: noqa: PTH106, PTH114, PTH116 - this package keeps clear of pathlib, whose import costs more than most of its own
"""The objects of a run, and the order in which they go when the run is deleted.

A deletion can be interrupted anywhere. So the first act is to write `deleted.json` beside the claim: from
then on the run is *condemned*, nothing that it names is kept for its sake, and whoever collects next
finishes the work. The segment that says how the run began goes next: what is left of
the run has not begun, which no reader takes for damage.
"""

import contextlib
import os
from collections.abc import Iterator

from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.journal import Journal
from flowstone_datastore.records import RunStarted
from flowstone_datastore.storage import Storage
from flowstone_datastore.storage_errors import InvalidObjectPathError, ObjectNotFoundError
from flowstone_datastore.tag_changes import hint_paths
from flowstone_interfaces.pathspec import InvalidPathspecError, check_part

CLAIM = "claim.json"
CONDEMNED = "deleted.json"
"""Says that the run is being deleted."""

_DEEPEST = 8


def stored_runs(storage: Storage) -> Iterator[tuple[str, str]]:
    """Flow and run id of every run folder, sorted, condemned ones too. Names that no store writes are left out."""
    for flow in _folders(storage, "runs"):
        for run_id in _folders(storage, f"runs/{flow}"):
            yield flow, run_id


def run_folder(flow: str, run_id: str) -> str:
    """Where the objects of a run are.

    Raises:
        InvalidPathspecError: a name holds other characters than letters, digits, `_ . ~ -`.
    """
    return f"runs/{check_part(flow)}/{check_part(run_id)}"


def is_condemned(storage: Storage, flow: str, run_id: str) -> bool:
    """True if the run is being deleted, or its deletion was interrupted."""
    return CONDEMNED in storage.list(run_folder(flow, run_id))


def is_abandoned(storage: Storage, flow: str, run_id: str, cutoff: float) -> bool:
    """True if nothing in the run's folder was changed since `cutoff` (UTC, seconds since 1970)."""
    folder = run_folder(flow, run_id)
    paths = run_objects(storage, flow, run_id)
    try:
        if not paths and isinstance(storage, FileStorage):
            return os.stat(f"{storage.root}/{folder}").st_mtime < cutoff
        return bool(paths) and all(storage.status(path).modified < cutoff for path in paths)
    except (ObjectNotFoundError, FileNotFoundError):
        return False


def run_objects(storage: Storage, flow: str, run_id: str) -> list[str]:
    """The paths of all objects of a run, whatever they are; links that lead elsewhere are not followed."""
    return list(_objects(storage, run_folder(flow, run_id), _DEEPEST))


def size_of(storage: Storage, paths: list[str]) -> int:
    """Bytes of the objects that are there."""
    sizes = []
    for path in paths:
        with contextlib.suppress(ObjectNotFoundError):
            sizes.append(storage.status(path).size)
    return sum(sizes)


def remove_run(storage: Storage, flow: str, run_id: str, now: float) -> None:
    """Delete all objects of a run, those that nobody needs to read the others first. Chunks stay.

    `now` is UTC, seconds since 1970. What an interruption leaves is finished by another call.

    Raises:
        StorageError: an object could not be deleted; those before it are gone.
    """
    folder = run_folder(flow, run_id)
    first = _first_segments(storage, flow, run_id)
    storage.write(f"{folder}/{CONDEMNED}", to_json_text({"time": now}) + b"\n")
    last = [f"{folder}/{CONDEMNED}", f"{folder}/{CLAIM}"]
    paths = run_objects(storage, flow, run_id)
    journal = [path for path in paths if path.startswith(f"{folder}/journal/") and path not in first]
    others = [path for path in paths if path not in {*first, *journal, *last}]
    for path in (*first, *journal, *others, *hint_paths(storage, flow, run_id)):
        storage.delete(path)
    _remove_empty_folders(storage, folder)
    for path in last:
        storage.delete(path)
    _remove_empty_folders(storage, folder)


def _first_segments(storage: Storage, flow: str, run_id: str) -> list[str]:
    """The paths of the segments that hold a `RunStarted`; damage in them is no hindrance."""
    try:
        records = Journal(storage, flow, run_id).records(on_damage=lambda _: None)
    except (ObjectNotFoundError, InvalidPathspecError):
        return []
    names = sorted({ref.segment for ref, record in records if isinstance(record, RunStarted)})
    return [f"{run_folder(flow, run_id)}/journal/{name}.jsonl" for name in names]


def _folders(storage: Storage, folder: str) -> Iterator[str]:
    for name in storage.list(folder):
        with contextlib.suppress(InvalidPathspecError):
            if name.endswith("/"):
                yield check_part(name[:-1])


def _objects(storage: Storage, folder: str, levels: int) -> Iterator[str]:
    with contextlib.suppress(InvalidObjectPathError):
        for name in storage.list(folder):
            path = f"{folder}/{name}"
            if not name.endswith("/"):
                yield path
            elif levels and not _is_link(storage, path[:-1]):
                yield from _objects(storage, path[:-1], levels - 1)


def _is_link(storage: Storage, folder: str) -> bool:
    return isinstance(storage, FileStorage) and os.path.islink(f"{storage.root}/{folder}")


def _remove_empty_folders(storage: Storage, folder: str) -> None:
    """Where folders exist by themselves: without this, the run would still be listed."""
    if not isinstance(storage, FileStorage):
        return
    for name in storage.list(folder):
        if name.endswith("/") and not _is_link(storage, f"{folder}/{name[:-1]}"):
            _remove_empty_folders(storage, f"{folder}/{name[:-1]}")
    with contextlib.suppress(OSError):  # it is not empty: somebody writes there
        os.rmdir(f"{storage.root}/{folder}")
