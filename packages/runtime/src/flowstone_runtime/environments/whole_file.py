"""Write a file that other processes may read at the same time: they see the old content or the new."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: str) -> None:
    """Put a new file in the place of the old one, and make its folder; of two writers, the later stays.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(content)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
