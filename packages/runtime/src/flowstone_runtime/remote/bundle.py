"""What a bare Python needs to be a worker of ours, as files: our own packages, and what these need of others.

The source is what is installed here, so a task far away runs the very files that run here. Compiled modules
are among them: a bundle is for one platform and one minor version of Python.
"""

import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import attrs

from flowstone_runtime.environments.own_code import own_folders, own_requirements
from flowstone_runtime.remote.errors import PartMissingError

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LEFT_OUT = re.compile(
    r"(?:^|/)__pycache__/|\.py[co]$|\.dist-info/(?:RECORD|INSTALLER|direct_url\.json|REQUESTED)$"
)


@attrs.frozen
class BundleFiles:
    """Files by the path that each has in the bundle."""

    files: Mapping[str, Path]

    def contents(self) -> dict[str, bytes]:
        """What is in them now."""
        return {path: file.read_bytes() for path, file in self.files.items()}

    @property
    def programs(self) -> frozenset[str]:
        """The paths of those that can be executed."""
        return frozenset(path for path, file in self.files.items() if file.stat().st_mode & 0o100)


def worker_files(store: str) -> BundleFiles:
    """What the worker needs for a store at this URL; this process uses it without what is not installed here."""
    found = dict(_own_files())
    names = [
        match[0] for line in own_requirements(store, platform.python_version()) if (match := _NAME.match(line))
    ]
    installed = [name for name in names if _is_installed(name)]
    return BundleFiles({**found, **distribution_files(installed).files})


def distribution_files(names: Iterable[str]) -> BundleFiles:
    """The files of installed distributions, and of those that they need in turn.

    Raises:
        PartMissingError: one of the names is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [*names]
    for name in waiting:
        try:
            found[_normal(name)] = distribution(name)
        except PackageNotFoundError as error:
            raise PartMissingError(name) from error
    while waiting:
        for name in _needed(found[_normal(waiting.pop())]):
            if _normal(name) in found:
                continue
            try:
                found[_normal(name)] = distribution(name)
            except PackageNotFoundError:  # for another platform or Python: what is needed here is installed here
                continue
            waiting.append(name)
    return BundleFiles({path: file for each in found.values() for path, file in _files(each)})


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _needed(found: Distribution) -> Iterator[str]:
    for line in found.requires or ():
        match = _NAME.match(line)
        if match and "extra" not in line.partition(";")[2]:
            yield match[0]


def _files(found: Distribution) -> Iterator[tuple[str, Path]]:
    for entry in found.files or ():
        path = _path_in_bundle(entry.as_posix())
        file = Path(str(entry.locate()))
        if path and not _LEFT_OUT.search(path) and file.is_file():
            yield path, file


def _path_in_bundle(path: str) -> str:
    """Beside the packages, `bin` keeps its name; what else lies outside of site-packages stays away."""
    if not path.startswith(".."):
        return path
    *_, folder, name = path.split("/")
    return f"bin/{name}" if folder == "bin" else ""


def _own_files() -> Iterator[tuple[str, Path]]:
    for name, folder in own_folders():
        if name == "flowstone_sandbox" or name.startswith("flowstone_sandbox-"):
            continue
        for file in sorted(folder.rglob("*")):
            path = f"{name}/{file.relative_to(folder).as_posix()}"
            if file.is_file() and not _LEFT_OUT.search(path):
                yield path, file


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
