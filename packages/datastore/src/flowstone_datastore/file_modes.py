# ruff: noqa: PTH101, PTH102, PTH103, PTH116, PTH120 - pathlib costs microseconds per call, here on the path of every object
"""Who may use the files of a store: the owner of a root that we made, or those whom an existing root lets in."""

import contextlib
import os
import stat

import attrs

from flowstone_interfaces.python_310 import Self

_PRIVATE = 0o700


@attrs.frozen
class FileModes:
    """The permission bits of what a storage creates."""

    folder: int
    file: int

    @classmethod
    def below(cls, root_mode: int) -> Self:
        """Folders like the root, a set-group-id bit included; files the same, but not executable."""
        return cls(root_mode & 0o2777, root_mode & 0o666)

    @property
    def beat_umask(self) -> bool:
        """True if the umask could take bits away that others need: then they are set explicitly."""
        return self.file != _PRIVATE & 0o666


def make_root(root: str) -> int:
    """Make the folder, for its owner alone, unless it is there; its mode bits."""
    try:
        return stat.S_IMODE(os.stat(root).st_mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(root), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(root, _PRIVATE)
        return stat.S_IMODE(os.stat(root).st_mode)


def make_folder(folder: str, modes: FileModes) -> None:
    """Make a folder below the root and those above it; others may be making it too."""
    try:
        os.mkdir(folder, modes.folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(folder), modes)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, modes.folder)
    if modes.beat_umask:
        # Whoever made it at the same moment, if it was another user, sets the same bits.
        with contextlib.suppress(PermissionError):
            os.chmod(folder, modes.folder)
