"""The profile that points flowstone to a sandbox: `~/.config/flowstone/sandbox.toml`, while it runs."""

from pathlib import Path

from flowstone_sandbox.errors import ForeignFileError
from flowstone_sandbox.options import QUEUE, Running
from flowstone_sandbox.private_files import write_private

_MARK = "# written by flowstone sandbox start, removed by flowstone sandbox stop\n"


def write_profile(file: Path, running: Running) -> None:
    """Write it, over what an earlier sandbox has left.

    Raises:
        ForeignFileError: there is a profile of this name that is somebody's own.
    """
    check_profile(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_private(file, f'{_MARK}store = "{running.store}"\n\n[batch]\nqueue = "{QUEUE}"\n')


def check_profile(file: Path) -> None:
    """See that nothing of the user's is in the way.

    Raises:
        ForeignFileError: it is.
    """
    if file.exists() and not _is_ours(file):
        raise ForeignFileError(str(file), "is a profile that was not written by a sandbox")


def remove_profile(file: Path) -> None:
    """Remove what a sandbox has written; what somebody else has, stays."""
    if file.exists() and _is_ours(file):
        file.unlink()


def _is_ours(file: Path) -> bool:
    return file.read_text(encoding="utf-8", errors="replace").startswith(_MARK)
