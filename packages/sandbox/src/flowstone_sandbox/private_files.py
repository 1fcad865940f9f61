"""Files and folders that their user alone can read."""

import os
import stat
from pathlib import Path

from flowstone_sandbox.errors import ForeignFileError


def write_private(file: Path, text: str) -> None:
    """Write a file that its user alone can read, whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(file)


def make_private_folder(folder: Path) -> None:
    """Make a folder, or see that it is as safe as one that was made here.

    Raises:
        ForeignFileError: it is somebody else's, or no folder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ForeignFileError(str(folder), "is no folder")
    if found.st_uid != os.getuid():
        raise ForeignFileError(str(folder), "belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
