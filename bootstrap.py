"""Set up everything and run it: `python3 bootstrap.py demo`, `python3 bootstrap.py tests`.

Needs Python 3.10 or newer and git, nothing else. It makes a virtual environment in
`.bootstrap` that holds nox and uv, and has nox do the rest (see noxfile.py). It also
works where the system's Python may not be changed and, on Debian, where neither pip nor
ensurepip is installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".bootstrap"
REQUIREMENTS = ["nox>=2025.5", "uv>=0.8"]
OLDEST_PYTHON = (3, 10)


class SetupError(Exception):
    """The environment cannot be set up; says what to do."""


def main(arguments: list[str]) -> int:
    """Set up nox, then run the sessions named, with the Python that runs this file."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(f"this is Python {sys.version.split()[0]}; use Python 3.10 or newer")
    python = HOME / "bin" / "python"
    mark = HOME / "ready"
    if not mark.exists() or mark.read_text(encoding="utf-8") != _stamp():
        set_up(python)
        mark.write_text(_stamp(), encoding="utf-8")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Tests run with the Python that runs this file; nox alone would run them with every version it finds.
    names = [f"tests-{version}" if name == "tests" else name for name in arguments or ["demo"]]
    command = [python, "-m", "nox", "-f", ROOT / "noxfile.py", "-s", *names]
    # nox looks for interpreters on the PATH: this one must be the first it finds.
    path = os.pathsep.join([str(HOME / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode


def set_up(python: Path) -> None:
    """Make the virtual environment with nox and uv in it."""
    print("setting up nox and uv in .bootstrap (once) ...", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    if _has("ensurepip"):
        venv.create(HOME, with_pip=True)
        pip = [python, "-m", "pip"]
    elif _has("pip"):
        venv.create(HOME, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", python]
    else:
        venv.create(HOME, with_pip=False)
        pip = [python, _debian_pip()]
    install = [*pip, "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
    if subprocess.run(install, check=False).returncode:
        raise SetupError("pip could not install nox and uv (see above); is there a way to the package index?")


def _debian_pip() -> Path:
    """Debian's own pip wheel, unpacked and not installed: needs no rights."""
    folder = Path(tempfile.mkdtemp(prefix="flowstone-pip-"))
    advice = "this Python has neither pip nor ensurepip; install one (Debian: apt install python3-venv)"
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        raise SetupError(advice)
    subprocess.run([apt, "download", "python3-pip-whl"], cwd=folder, check=False)
    packages = list(folder.glob("*.deb"))
    if not packages:
        raise SetupError(advice)
    subprocess.run([unpack, "-x", packages[0], folder], check=True)
    (wheel,) = folder.glob("usr/share/python-wheels/pip-*.whl")
    return wheel / "pip"


def _has(module: str) -> bool:
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _stamp() -> str:
    return "\n".join([sys.version, sys.executable, *REQUIREMENTS])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"bootstrap: {error}")
