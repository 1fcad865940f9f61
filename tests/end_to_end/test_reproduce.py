"""A past run, run again: its code, its packages, its parameters; real environments, a real index."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flow_files import clean_environ

from flowstone import Client, Flow

ROOT = Path(__file__).parents[2]
ROOMS = ("interfaces", "graph", "datastore", "executors", "client", "runtime", "deployer", "flowstone")

FLOW = """\
import random

from flowstone import Config, FlowSpec, Parameter, step


class Mixed(FlowSpec):
    factor = Parameter("factor", default=2)
    settings = Config("settings", default_value={"base": 1})

    @step
    def start(self):
        import sibling
        import six

        self.version = six.__version__
        self.result = sibling.triple(self.factor) + self.settings.base
        self.texts = {"b", "a"}
        self.mine = random.random() if RANDOM else 0
        self.next(self.end)

    @step
    def end(self):
        pass


RANDOM = False
if __name__ == "__main__":
    Mixed()
"""


def uv(*words: object) -> None:
    """Run uv, which must reach its index."""
    from uv import find_uv_bin

    environ = {**os.environ, "UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
    done = subprocess.run(
        [find_uv_bin(), *map(str, words)], capture_output=True, text=True, env=environ, check=False
    )
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()[-200:]}")


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """The interpreter of an environment with flowstone as it is here, and a package that nothing else needs."""
    folder = tmp_path_factory.mktemp("environment")
    uv("venv", "--quiet", "--python", sys.executable, folder)
    rooms = [word for room in ROOMS for word in ("-e", ROOT / "packages" / room)]
    uv("pip", "install", "--quiet", "--python", folder / "bin" / "python", *rooms, "six==1.16.0")
    return folder / "bin" / "python"


class Project:
    """A flow, a sibling of its project, and a store."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.python = python
        self.root = folder / "project"
        self.sibling = folder / "library" / "sibling.py"
        for file, text in (
            (self.root / "pyproject.toml", ""),
            (self.root / "flow.py", FLOW),
            (self.sibling, "def triple(x):\n    return 3 * x\n"),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def call(self, *words: object, exit_code: int = 0, **environ: str) -> str:
        done = subprocess.run(
            [self.python, *map(str, words)], cwd=self.root, capture_output=True, text=True, check=False,
            env={**clean_environ(), "PYTHONPATH": str(self.sibling.parent), **environ},
        )  # fmt: skip
        assert done.returncode == exit_code, done.stdout + done.stderr
        self.stderr = done.stderr
        return done.stdout

    def latest(self):
        return Flow("Mixed", client=Client(self.root / ".flowstone")).latest_run


@pytest.fixture
def project(tmp_path, python) -> Project:
    return Project(tmp_path, python)


def test_a_run_is_reproduced_after_everything_has_changed(project, tmp_path) -> None:
    """The flow, its sibling, the installed version: what is here now plays no part."""
    project.call("flow.py", "--config-value", "settings", '{"base": 5}', "run", "--factor", "7")
    old = project.latest()
    assert old.data.result == 26
    (project.root / "flow.py").write_text("raise SystemExit('changed')\n")
    project.sibling.unlink()
    uv("pip", "install", "--quiet", "--python", project.python, "six==1.17.0")
    try:
        output = project.call("-m", "flowstone", "reproduce", old.pathspec, "--into", tmp_path / "again")
    finally:
        uv("pip", "install", "--quiet", "--python", project.python, "six==1.16.0")
    new = project.latest()
    assert new.id != old.id
    assert new.origin_pathspec == old.pathspec
    assert (new.data.version, new.data.result, new.parameters.factor) == ("1.16.0", 26, 7)
    assert new.code.key == old.code.key
    assert new.environment["six"] == old.environment["six"]
    assert "identical  start/0/result" in output
    last = output.splitlines()[-1]
    assert last.startswith(f"{new.pathspec} reproduces {old.pathspec}: ")
    assert last.endswith(" identical, 0 equal, 0 different")
    assert "is used as it is there now, not as it was" in project.stderr
    assert (tmp_path / "again" / "code" / "_outside" / "sibling.py").exists()
    refused = project.call("-m", "flowstone", "reproduce", old.pathspec, "--into", tmp_path / "again", exit_code=2)
    assert refused == ""
    assert "is not empty" in project.stderr


def test_declared_environments_are_reproduced(project, tmp_path) -> None:
    """After the flow has changed and every cache is gone: what was locked is installed from the store."""
    declared = '    @pypi(packages={"six": "1.17.0"})\n    @step\n    def end(self):\n        import six\n'
    declared += "        self.other = six.__version__\n"
    flow = FLOW.replace("FlowSpec, Parameter", "FlowSpec, Parameter, pypi")
    (project.root / "flow.py").write_text(flow.replace("    @step\n    def end(self):\n", declared))
    cache = tmp_path / "cache"
    project.call("flow.py", "run", FLOWSTONE_CACHE_FOLDER=str(cache))
    old = project.latest()
    assert (old.data.version, old.data.other) == ("1.16.0", "1.17.0")
    shutil.rmtree(cache)
    (project.root / "flow.py").write_text("raise SystemExit('changed')\n")
    output = project.call("-m", "flowstone", "reproduce", old.pathspec, FLOWSTONE_CACHE_FOLDER=str(cache))
    assert output.splitlines()[-1].endswith(" identical, 0 equal, 0 different")
    new = project.latest()
    assert new.data.other == "1.17.0"
    assert new.summary.started.environments == old.summary.started.environments


def test_what_comes_out_otherwise_is_named(project) -> None:
    """Whoever draws random numbers learns where."""
    (project.root / "flow.py").write_text(FLOW.replace("RANDOM = False", "RANDOM = True"))
    project.call("flow.py", "run")
    old = project.latest()
    found = json.loads(project.call("-m", "flowstone", "reproduce", old.pathspec, "--json", exit_code=1))
    likeness = {each["name"]: each["likeness"] for each in found["artifacts"]}
    assert likeness["start/0/mine"] == likeness["end/0/mine"] == "different"
    assert likeness["start/0/result"] == "identical"
    assert (found["is_faithful"], found["states"]) == (False, ["finished", "finished"])


def test_what_cannot_be_reproduced_says_why(project) -> None:
    """Before anything is built."""
    project.call("flow.py", "run")
    assert "is no run" in (project.call("-m", "flowstone", "reproduce", "Mixed", exit_code=2), project.stderr)[1]
    project.call("-m", "flowstone", "reproduce", "Mixed/nothing", exit_code=2)
    assert "Mixed/nothing" in project.stderr


def test_without_a_network_the_missing_package_is_named(project, tmp_path) -> None:
    """One sentence, soon; and no run that is half of something."""
    project.call("flow.py", "run")
    old = project.latest()
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_CACHE_DIR": str(tmp_path / "empty")}
    project.call("-m", "flowstone", "reproduce", old.pathspec, exit_code=2, **nowhere)
    assert "a recorded package cannot be had" in project.stderr
    assert "try again with a network" in project.stderr
    assert "Traceback" not in project.stderr
    assert project.latest().id == old.id
