"""Build an environment again from what a run recorded, with uv."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs

from flowstone_client import Distribution, RunEnvironment
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.environments.uv_program import run_uv


class EnvironmentNotRecreatedError(FlowstoneError, RuntimeError):
    """The Python or a package of a run cannot be had any more, or not from here."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(what, detail)
        self.what = what
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.what} cannot be had: {self.detail}; if the index cannot be reached, try again with a network, "
            "or where uv's cache has the packages"
        )


@attrs.frozen
class RecreatedEnvironment:
    """An environment in a folder."""

    interpreter: Path
    differences: tuple[str, ...]
    """In words: what is not as it was recorded."""


def recreate_environment(
    environment: RunEnvironment, folder: Path, environ: Mapping[str, str]
) -> RecreatedEnvironment:
    """Make a virtual environment in the folder with the recorded Python and each recorded distribution.

    Exact versions, without asking what they need in turn: the record has that, too. What was installed
    from a folder of this machine is installed from there as it is now, if it is still there; the difference
    is told. `environ` is what uv sees, with its settings of indexes and of its cache.

    Raises:
        EnvironmentNotRecreatedError: no such Python is here, or a package cannot be had.
    """
    python = environment.python
    folder.parent.mkdir(parents=True, exist_ok=True)
    differences = [*_make(folder, python["version"], environ)]
    if python["platform"] != sysconfig.get_platform():
        differences.append(f"the platform is {sysconfig.get_platform()}; it was {python['platform']}")
    interpreter = folder / "bin" / "python"
    wanted = [(each, requirement_of(each)) for each in environment.values()]
    differences += [difference for each, _ in wanted for difference in _differences(each)]
    lines = [requirement for _, requirement in wanted if requirement]
    listed = folder / "requirements.txt"
    listed.write_text("\n".join([*lines, ""]), encoding="utf-8")
    words = ["pip", "install", "--quiet", "--no-deps", "--python", str(interpreter), "-r", str(listed)]
    failure = run_uv(words, folder, environ)
    if failure and run_uv([*words, "--offline"], folder, environ):  # what uv's cache has needs no index
        raise EnvironmentNotRecreatedError("a recorded package", failure)
    return RecreatedEnvironment(interpreter, tuple(differences))


def requirement_of(distribution: Distribution) -> str:
    """A line of a requirements file; empty for what cannot be installed."""
    if distribution.requirement:
        return distribution.requirement
    source = _folder_of(distribution)
    if source is None:
        return ""
    return f"-e {source}" if distribution.kind == "editable" else f"{distribution.name} @ {source.as_uri()}"


def _differences(distribution: Distribution) -> Iterator[str]:
    shown = f"{distribution.name} {distribution.version}"
    if distribution.kind == "conda":
        yield f"{shown} came from conda; now it comes from the index"
    if distribution.requirement:
        return
    if _folder_of(distribution) is None:
        place = distribution.url or "a place that was not recorded"
        yield f"{shown} is missing: it was installed from {place}, which is not here"
    else:
        yield f"{shown} was installed from {distribution.url}: it is used as it is there now, not as it was"


def _folder_of(distribution: Distribution) -> Path | None:
    parts = urlsplit(distribution.url)
    folder = Path(unquote(parts.path))
    return folder if parts.scheme == "file" and parts.path and folder.is_dir() else None


def _make(folder: Path, version: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The empty environment, with a Python of that version, or else of the same minor version."""
    minor = ".".join(version.split(".")[:2])
    this = sys.version.split()[0]
    exact = sys.executable if this == version else version
    words = ["venv", "--quiet", "--no-project", "--no-python-downloads", "--python"]
    if not run_uv([*words, exact, str(folder)], folder.parent, environ):
        return
    close = sys.executable if this.startswith(f"{minor}.") else minor
    failure = run_uv([*words, close, str(folder)], folder.parent, environ)
    if failure:
        raise EnvironmentNotRecreatedError(f"Python {version}", failure)
    found = subprocess.run(
        [folder / "bin" / "python", "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    yield f"Python is {found}; it was {version}"
