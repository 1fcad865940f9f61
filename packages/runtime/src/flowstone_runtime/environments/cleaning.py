"""Delete what nobody has used for a while: built environments, and files of packages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs

from flowstone_runtime.environments.prefixes import locked


@attrs.frozen
class Unused:
    """A folder that can be made again."""

    folder: Path
    size_bytes: int
    """Of files that have no other name; hard links are shared with uv's cache."""


def unused_environments(folder: Path, before: float) -> tuple[Unused, ...]:
    """What was not used since `before`, in seconds since 1970.

    An environment is used when a run begins that needs it, a package when an environment is prepared.
    """
    places = [*(folder / "built").glob("[!.]*"), *(folder / "packages").glob("[!.]*")]
    return tuple(
        Unused(place, sum(_sizes(place)))
        for place in sorted(places)
        if place.is_dir() and place.stat().st_mtime < before
    )


def _sizes(folder: Path) -> Iterator[int]:
    for file in folder.rglob("*"):
        status = file.lstat()
        if file.is_file() and status.st_nlink == 1:
            yield status.st_size


def remove_unused(unused: Unused, before: float) -> bool:
    """Delete it, unless somebody has used it meanwhile; whether it is gone.

    Tasks that run in it keep what they have open, but can import nothing more: give them time, by `before`.
    """
    folder = unused.folder
    with locked(folder.parent / f"{folder.name}.lock"):
        if folder.stat().st_mtime >= before:
            return False
        gone = folder.parent / f".new-{folder.name}-gone"
        folder.rename(gone)
        shutil.rmtree(gone)
    return True
