"""What can be done with this repository, each in an environment of its own.

`python3 bootstrap.py <session>` sets up nox first; with nox installed, `nox -s <session>`.
"""

import os
import shutil
import sys
from pathlib import Path

import nox
import nox.project

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "typing", "tests"]

ROOT = Path(__file__).parent
ROOMS = ["interfaces", "graph", "datastore", "executors", "client", "runtime", "deployer", "sandbox", "flowstone"]
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
OLDEST_PYTHON = "3.10"
PYTHONS = list(dict.fromkeys([OLDEST_PYTHON, "3.11", "3.12", "3.13", THIS_PYTHON]))
TEST_TOOLS = ["pytest>=8.3", "pytest-xdist>=3.6", "hypothesis>=6.100"]
ON_ALL_CORES = ["--numprocesses", "auto", "--dist", "loadfile"]
LINT_TOOLS = ["ruff==0.17.6"]
KEEP_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""The tests start hundreds of interpreters: where this variable is set, each would compile all that it imports."""
TYPE_TOOLS = ["mypy==2.4.1", "types-networkx", "tomli>=2"]


def project(room: str) -> dict:
    return nox.project.load_toml(ROOT / "packages" / room / "pyproject.toml")["project"]


def siblings(room: str) -> list[str]:
    """The rooms that a room's own metadata asks for, directly or not, itself first."""
    found = [room]
    for name in found:
        for dependency in project(name).get("dependencies", []):
            sibling = dependency.split(">")[0].removeprefix("flowstone-")
            if dependency.startswith("flowstone-") and sibling not in found:
                found.append(sibling)
    return found


def editable(rooms: list[str]) -> list[str]:
    return [word for room in rooms for word in ("-e", f"packages/{room}")]


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job: real flights, real models, everything stored."""
    session.install(*editable(ROOMS), "-r", "examples/flights/requirements.txt", silent=True)
    session.run("python", "examples/flights/flights.py", "run", *session.posargs)
    session.run("python", "examples/flights/flights.py", "dump")


@nox.session
def notebook(session: nox.Session) -> None:
    """Open a notebook that looks at what the demo stored."""
    session.install(*editable(ROOMS), "jupyterlab", "-r", "examples/flights/requirements.txt", silent=True)
    session.run("jupyter", "lab", "examples/flights/look.ipynb", *session.posargs)


# moto imitates a service: another version, another one
S3_TEST_TOOLS = ["boto3>=1.36", "awscrt>=0.23", "moto[server]==5.2.5"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run every test, of the packages and of what crosses them."""
    session.install(
        *editable(ROOMS),
        *TEST_TOOLS,
        *S3_TEST_TOOLS,
        "-r",
        "tests/requirements.txt",
        "-r",
        "examples/flights/requirements.txt",
    )
    session.run("pytest", *ON_ALL_CORES, *session.posargs, env=KEEP_COMPILED)


IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""


def oldest_installed() -> str | bool:
    """The oldest Python that steps may choose: of pyenv (its shims fail for what is not chosen), or the path's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    found = sorted(map(str, pyenv.glob(f"versions/{OLDEST_PYTHON}.*/bin/python{OLDEST_PYTHON}")))
    return found[-1] if found else shutil.which(f"python{OLDEST_PYTHON}") or False


@nox.session(python=oldest_installed())
def oldest_python(session: nox.Session) -> None:
    """Import every module with the oldest Python, and run what is quick; skipped where it is not installed."""
    if session.python is False:
        session.skip(f"Python {OLDEST_PYTHON} is not installed")
    session.install(*editable(ROOMS), *TEST_TOOLS, *S3_TEST_TOOLS, "-r", "tests/requirements.txt")
    session.run("python", "-c", IMPORT_ALL, *map(module_of, ROOMS))
    quick = [f"packages/{room}/tests" for room in ("interfaces", "graph", "client")]
    quick += [
        "packages/runtime/tests/test_worker.py",
        "tests/crash/test_hostile.py",
        "tests/end_to_end/test_resume.py",
    ]
    session.run("pytest", "-q", *ON_ALL_CORES, *quick, *session.posargs, env=KEEP_COMPILED)


@nox.session
@nox.parametrize("package", ROOMS)
def tests_alone(session: nox.Session, package: str) -> None:
    """Install one package with nothing that its metadata does not name, and run its own tests."""
    extras = project(package).get("optional-dependencies", {})
    wanted = f"./packages/{package}[testing]" if "testing" in extras else f"./packages/{package}"
    session.install(wanted, *[f"./packages/{room}" for room in siblings(package)[1:]], *TEST_TOOLS)
    session.run("pytest", "-q", *ON_ALL_CORES, f"packages/{package}/tests", *session.posargs, env=KEEP_COMPILED)


@nox.session(venv_backend="uv")
def minimums(session: nox.Session) -> None:
    """Run every package's tests with the lowest versions that its metadata allow."""
    extras = [word for room in ROOMS for word in ("-e", f"packages/{room}[{','.join(lowest_extras(room))}]")]
    session.install("--resolution", "lowest-direct", *extras, *TEST_TOOLS, *S3_TEST_TOOLS)
    # Old releases of others warn under a newer Python: those warnings are not ours.
    session.run("pytest", "-q", "-W", "default", "packages", *session.posargs)


def lowest_extras(room: str) -> list[str]:
    return list(project(room).get("optional-dependencies", {}))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layout."""
    session.install(*LINT_TOOLS)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check every type."""
    session.install(*editable(ROOMS), *TYPE_TOOLS, *TEST_TOOLS)
    session.run("mypy", *[word for room in ROOMS for word in ("-p", module_of(room))])


def module_of(room: str) -> str:
    return "flowstone" if room == "flowstone" else f"flowstone_{room}"


@nox.session
def docs(session: nox.Session) -> None:
    """Run every command and snippet of README and docs."""
    session.install(*editable(ROOMS), *TEST_TOOLS, "-r", "tests/requirements.txt")
    session.install("-r", "examples/flights/requirements.txt")
    session.run("pytest", "-q", "tests/documentation", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside what a user would pick instead."""
    session.install(*editable(ROOMS), "-r", "benchmarks/requirements.txt")
    for script in session.posargs or sorted(
        map(str, [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("benchmarks/*/run.py")])
    ):
        session.run("python", script, env=KEEP_COMPILED)
