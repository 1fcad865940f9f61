"""Record what is installed; anew only if it has changed since the last run of this interpreter.

Whoever installs or removes a package changes its folder, so the modification times of the folders tell whether
what was found the last time still holds. That costs a look at each folder; finding everything anew costs half a
millisecond for each package.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowstone_datastore import ChunkRef, Datastore
from flowstone_datastore.address import address_of

_SETTLED_SECONDS = 2.0
"""A folder that changed less than so long ago may change once more without getting another time."""


def snapshot_environment(
    datastore: Datastore, cache_folder: str, project_root: Path, path: Sequence[str]
) -> ChunkRef:
    """Store what is installed in the folders of `path` (`sys.path`), by content.

    `cache_folder` keeps what was found, for the next run; empty to look anew each time. Folders of the project
    count only if something was installed there.

    Raises:
        StorageError: it could not be stored.
    """
    folders = _folders(path, project_root)
    fingerprint = _fingerprint(folders)
    file = (
        Path(cache_folder) / f"{address_of(repr((sys.prefix, folders)).encode())}.json" if cache_folder else None
    )
    document = None if file is None else _remembered(file, fingerprint)
    if document is None:
        from flowstone_runtime.environments.installed import describe_environment

        document = json.dumps(describe_environment(folders), separators=(",", ":"), sort_keys=True)
        if file is not None and _is_settled(fingerprint, time.time()):
            _remember(file, fingerprint, document)
    return datastore.chunks.put((document.encode(),))


def _folders(path: Sequence[str], root: Path) -> list[str]:
    """Those that distributions may lie in; the folders of the project's modules change with each edit."""
    places = [entry for entry in dict.fromkeys(path) if entry and Path(entry).is_dir()]
    return [
        entry for entry in places if _is_for_installations(Path(entry)) or not Path(entry).is_relative_to(root)
    ]


def _is_for_installations(folder: Path) -> bool:
    return folder.name in {"site-packages", "dist-packages"}


def _fingerprint(folders: Sequence[str]) -> list[Any]:
    return [sys.version, *[[folder, Path(folder).stat().st_mtime_ns] for folder in folders]]


def _is_settled(fingerprint: list[Any], now: float) -> bool:
    return all(changed / 1e9 < now - _SETTLED_SECONDS for _, changed in fingerprint[1:])


def _remembered(file: Path, fingerprint: list[Any]) -> str | None:
    try:
        known = json.loads(file.read_bytes())
        return str(known["document"]) if known["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or not ours: it is found anew
        return None


def _remember(file: Path, fingerprint: list[Any], document: str) -> None:
    from flowstone_runtime.environments.whole_file import write_whole

    try:
        write_whole(file, json.dumps({"fingerprint": fingerprint, "document": document}))
    except OSError as error:
        import logging  # 3 ms, for what hardly ever happens

        logging.getLogger(__name__).info(
            "what is installed is found anew each time: %s cannot be written: %s", file, error
        )
