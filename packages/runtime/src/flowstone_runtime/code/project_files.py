"""Every file of a project that git does not ignore."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_GIT = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
_NEVER = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
_MARKS_OF_OTHERS = frozenset({"pyvenv.cfg", "conda-meta", "flowstone.json"})
"""In a folder: it is a virtual environment, a conda environment, a store."""


def project_files(root: Path) -> Iterator[str]:
    """Paths relative to the root, separated by `/`: files that git knows, and new ones that it does not ignore.

    Where git does not answer, `.gitignore` is not read: all files but those in hidden folders, in environments,
    in caches of Python and in stores.
    """
    listed = _ask_git(root)
    yield from _walk(root) if listed is None else (path for path in listed if (root / path).is_file())


def _ask_git(root: Path) -> list[str] | None:
    try:
        done = subprocess.run(_GIT, cwd=root, capture_output=True, check=False)
    except OSError as error:  # git is not installed
        reason = str(error)
    else:
        if done.returncode == 0:
            return sorted({os.fsdecode(path) for path in done.stdout.split(b"\0") if path})
        reason = os.fsdecode(done.stderr).strip()
    if (root / ".git").exists():
        import logging  # 3 ms, for what hardly ever happens

        logging.getLogger(__name__).warning(
            "git does not say which files of %s it ignores, so none counts as ignored: %s", root, reason
        )
    return None


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        if Path(folder) != root and _MARKS_OF_OTHERS & {*folders, *files}:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in _NEVER and not name.startswith("."))
        relative = Path(folder).relative_to(root)
        yield from ((relative / name).as_posix() for name in sorted(files))
