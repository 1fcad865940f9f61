"""Find a Python of a version on this machine."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from flowstone_runtime.environments.faults import NoInterpreterError

_ASK = "import platform, sys; print(platform.python_version(), sys.executable)"


@attrs.frozen
class Interpreter:
    """A Python that can be started."""

    path: Path
    version: str
    """In full: `3.12.1`."""


def find_interpreter(version: str, environ: Mapping[str, str]) -> Interpreter:
    """This one if it will do, else one that pyenv, uv or `PATH` has.

    Raises:
        NoInterpreterError: there is none of this version.
    """
    this = Interpreter(Path(sys.executable), platform.python_version())
    if _fits(this.version, version):
        return this
    for candidate in _candidates(version, environ):
        found = _asked(candidate)
        if found is not None and _fits(found.version, version):
            return found
    raise NoInterpreterError(version)


def _fits(found: str, wanted: str) -> bool:
    return found == wanted or found.startswith(f"{wanted}.")


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    name = f"python{'.'.join(version.split('.')[:2])}"
    home = environ.get("HOME", "~")
    pyenv = Path(environ.get("PYENV_ROOT") or f"{home}/.pyenv").expanduser()
    data = Path(environ.get("XDG_DATA_HOME") or f"{home}/.local/share").expanduser()
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    # The shims that pyenv puts into PATH fail for a version that is installed, but not chosen in this folder.
    yield from sorted(pyenv.glob(f"versions/*/bin/{name}"), reverse=True)
    yield from sorted(uv.glob(f"*/bin/{name}"), reverse=True)
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and (Path(folder) / name).is_file():
            yield Path(folder) / name


def _asked(candidate: Path) -> Interpreter | None:
    """`None` for what does not start: a shim, a link to what is gone."""
    try:
        done = subprocess.run(
            [candidate, "-I", "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    version, _, path = done.stdout.strip().partition(" ")
    return Interpreter(Path(path), version) if done.returncode == 0 and path else None
