"""Where a file lies that a flow names: in the working folder, else beside the flow."""

import os.path
from pathlib import Path


def find_file(path: Path, folder: Path | None) -> Path:
    """`path` from the working folder; if it is not there, from `folder`; if it is in neither, the first.

    `~` stands for the home folder.
    """
    here = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own fails for an unknown ~user
    if folder is not None and not here.exists() and (folder / here).exists():
        return folder / here
    return here
