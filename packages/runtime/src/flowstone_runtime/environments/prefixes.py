"""Folders of built environments: whole or not there, whoever builds them at the same time and dies in between."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def built_prefix(folder: Path, key: str, build: Callable[[Path], None]) -> Path:
    """The folder of the environment; `build` fills a new one, which then takes its place by a rename.

    Processes that want the same environment wait for each other. The lock is the system's and goes with its
    holder, so nobody waits for a process that was killed; what that left is removed.
    """
    prefix = folder / key
    if is_whole(prefix):
        os.utime(prefix)  # it is in use
        return prefix
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"{key}.lock"):
        for left in folder.glob(f".new-{key}-*"):
            shutil.rmtree(left, ignore_errors=True)
        if not is_whole(prefix):
            new = Path(tempfile.mkdtemp(dir=folder, prefix=f".new-{key}-")) / "environment"
            try:
                build(new)
                if prefix.exists():  # its Python is gone
                    shutil.rmtree(prefix)
                new.rename(prefix)
            finally:
                shutil.rmtree(new.parent, ignore_errors=True)
    return prefix


def is_whole(prefix: Path) -> bool:
    """Whether it is there, and its Python as well."""
    return (prefix / "bin" / "python").exists()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
