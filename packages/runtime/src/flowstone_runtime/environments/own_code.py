"""How flowstone itself comes into the environment of a step: its code by links, what it needs as packages.

The interpreter of a step sees the very files that run here, so both always are one version; an environment holds
none of them, and stays the same when flowstone changes.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from flowstone_datastore.address import address_of
from flowstone_runtime.framework import PACKAGES

_OF_RUNTIME = frozenset({"attrs", "click"})
"""What a task needs of what the runtime requires: no screen, no uv."""
_OF_310 = re.compile(r"""python_version\s*<\s*['"]3\.11['"]""")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)([^;]*)(?:;(.*))?")


def own_requirements(store: str, python: str) -> tuple[str, ...]:
    """What a task of ours needs to have installed, for a store at this URL or in this folder, and a Python."""
    scheme = urlsplit(store).scheme
    needed = {*_requirements("flowstone-datastore", scheme)}
    needed |= {line for line in _requirements("flowstone-runtime", scheme) if _name(line) in _OF_RUNTIME}
    if python.split(".")[:2] == ["3", "10"]:
        needed |= {*_requirements("flowstone-interfaces", scheme, _OF_310)}
    return tuple(sorted(needed))


def _requirements(name: str, extra: str, allowed: re.Pattern[str] | None = None) -> Iterator[str]:
    """Those without a marker, of the extra, and with a marker that is `allowed`."""
    for line in distribution(name).requires or ():
        found = _REQUIREMENT.match(line)
        if found is None or _name(line).startswith("flowstone-"):
            continue
        marker = found.group(3) or ""
        is_needed = not marker or re.search(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""", marker)
        if is_needed or (allowed is not None and allowed.search(marker)):
            yield re.sub(r"[\s()]", "", found.group(1) + found.group(2))


def _name(requirement: str) -> str:
    found = _REQUIREMENT.match(requirement)
    return found.group(1).lower() if found else ""


def own_code_folder(folder: Path) -> Path:
    """A folder of links to each package of ours and to its metadata, made in `folder` if it is not there."""
    links = dict(own_folders())
    wanted = folder / address_of(repr(sorted((name, str(place)) for name, place in links.items())).encode())[:32]
    if wanted.is_dir():
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    _fill(new, links)
    try:
        new.rename(wanted)
    except OSError:  # another process was faster
        shutil.rmtree(new)
    return wanted


def _fill(folder: Path, links: Mapping[str, Path]) -> None:
    for name, place in links.items():
        (folder / name).symlink_to(place)


def own_folders() -> Iterator[tuple[str, Path]]:
    """The folder of each package of ours and of its metadata, by the name that it has beside other packages."""
    for module in sorted(PACKAGES):
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            continue
        yield module, Path(spec.origin).resolve().parent
        try:
            metadata = _metadata_folder(distribution(module.replace("_", "-")))
        except PackageNotFoundError:  # imported from a checkout that was not installed
            continue
        yield metadata.name, metadata


def _metadata_folder(found: Distribution) -> Path:
    names = [file for file in found.files or () if file.name == "METADATA"]
    if not names:
        raise PackageNotFoundError(found.metadata["Name"])
    return Path(str(names[0].locate())).resolve().parent
