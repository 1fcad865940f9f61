"""Steps with environments of their own: real interpreters, real wheels, an index that is a folder."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flow_files import FlowFile, clean_environ
from local_index import LocalIndex

from flowstone_executors.testing import wait_until_gone

HEADER = "import os\nimport sys\n\nfrom flowstone import FlowSpec, Parameter, current, pypi, pypi_base, step\n"

FLOW = """
class Own(FlowSpec):
    count = Parameter("count", default=3)

    @step
    def start(self):
        self.here = sys.prefix
        self.items = list(range(self.count))
        self.next(self.fit, foreach="items")

    @pypi(packages={"tinylib": "1.0"})
    @step
    def fit(self):
        import tinylib

        self.version = tinylib.version
        self.place = sys.prefix
        self.parent = os.getppid()
        self.has_pytest = "pytest" in sys.modules or __import__("importlib.util").util.find_spec("pytest")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.versions = [each.version for each in inputs]
        self.places = {each.place for each in inputs}
        self.parents = {each.parent for each in inputs}
        self.strangers = [each.has_pytest for each in inputs]
        self.here = inputs[0].here
        self.next(self.end)

    @pypi(packages={"tinyapp": ""})
    @step
    def end(self):
        import tinyapp

        self.newest = tinyapp.tinylib.version
        assert sys.prefix not in {*self.places, self.here}


if __name__ == "__main__":
    Own()
"""


@pytest.fixture(scope="module")
def shared_index(tmp_path_factory) -> LocalIndex:
    """For tests that change nothing in it: environments are built once."""
    index = LocalIndex(tmp_path_factory.mktemp("index"))
    index.fill()
    return index


@pytest.fixture
def index(tmp_path: Path, shared_index: LocalIndex) -> LocalIndex:
    """One of its own, with nothing built."""
    own = LocalIndex(tmp_path / "index")
    shutil.copytree(shared_index.folder / "wheels", own.folder / "wheels")
    return own


def wait_for_number(file: Path) -> int:
    while not (file.exists() and file.read_text()):
        time.sleep(0.02)
    return int(file.read_text())


def write(folder: Path, source: str) -> FlowFile:
    file = folder / "project" / "flow.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEADER + source, encoding="utf-8")
    return FlowFile(file)


def test_a_step_runs_in_its_own_environment(tmp_path, shared_index) -> None:
    """What a step declares it has, and nothing else; its artifacts go to steps elsewhere and come from there.

    All tasks of the step are forks of one process: the second costs no start and no import.
    """
    flow = write(tmp_path, FLOW)
    flow.call("run", environ=shared_index.environ)
    data = flow.latest_run().data
    assert data.versions == ["1.0"] * 3
    assert data.strangers == [None] * 3
    assert data.newest == "1.1"
    assert len(data.parents) == len(data.places) == 1
    assert data.here not in data.places


@pytest.mark.parametrize("isolation", ["spawn", "none"])
def test_every_isolation_has_the_environment(tmp_path, shared_index, isolation) -> None:
    """A step must not see other packages because somebody looks for a fault."""
    flow = write(tmp_path, PLAIN)
    flow.call("run", "--isolation", isolation, environ=shared_index.environ)
    assert flow.latest_run().data.where != sys.executable


def test_what_a_flow_declares_holds_for_each_step(tmp_path, shared_index) -> None:
    """A step's own packages count more, one by one; what is disabled runs where the run was started."""
    flow = write(
        tmp_path,
        """
@pypi_base(packages={"tinylib": "1.0", "tinyapp": "0.5"})
class Based(FlowSpec):
    @step
    def start(self):
        import tinyapp
        self.first = tinyapp.tinylib.version
        self.next(self.middle)

    @pypi(packages={"tinylib": ">1.0"})
    @step
    def middle(self):
        import tinyapp
        self.second = tinyapp.tinylib.version
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self):
        self.where = sys.executable


if __name__ == "__main__":
    Based()
""",
    )
    flow.call("run", environ=shared_index.environ)
    data = flow.latest_run().data
    assert (data.first, data.second, data.where) == ("1.0", "1.1", sys.executable)


PLAIN = """
class Plain(FlowSpec):
    @step
    def start(self):
        try:
            import tinylib
        except ImportError:
            self.version = None
        else:
            self.version = tinylib.version
        self.next(self.end)

    @pypi(packages={"tinylib": "1.0"})
    @step
    def end(self):
        self.where = sys.executable


if __name__ == "__main__":
    Plain()
"""


def test_an_environment_from_the_command_line(tmp_path, shared_index) -> None:
    """`--with pypi` is for each step without one; `--environment none` switches all off, and asks no index."""
    flow = write(tmp_path, PLAIN)
    flow.call("run", "--with", 'pypi:packages={"tinylib": "2.0"}', environ=shared_index.environ)
    first = flow.latest_run()
    assert first.data.version == "2.0"
    assert first.data.where != sys.executable
    flow.call("--environment", "none", "run", environ={**shared_index.environ, "UV_FIND_LINKS": "/nowhere"})
    assert flow.latest_run().data.where == sys.executable


def test_a_resumed_run_decides_nothing_again(tmp_path, index) -> None:
    """Packages disappear from indexes and caches from disks; a run keeps what it ran with."""
    flow = write(tmp_path, FLOW.replace("assert sys.prefix", "assert 'GO' in os.environ; assert sys.prefix"))
    flow.call("run", environ=index.environ, exit_code=1)
    failed = flow.latest_run()
    index.add("tinylib", "1.2", {"tinylib.py": "version = '1.2'\n"})
    shutil.rmtree(index.folder / "cache")
    environ = {**index.environ, "UV_FIND_LINKS": "", "UV_CACHE_DIR": str(tmp_path / "empty"), "GO": "1"}
    flow.call("resume", environ=environ)
    resumed = flow.latest_run()
    assert resumed.data.newest == "1.1"
    assert resumed.summary.started.environments == failed.summary.started.environments


def test_a_conflict_is_shown(tmp_path, shared_index) -> None:
    """Which requirement is against which; and there is no run."""
    flow = write(tmp_path, PLAIN.replace('{"tinylib": "1.0"}', '{"tinylib": "2.0", "tinyapp": ""}'))
    output = flow.call("run", environ=shared_index.environ, exit_code=2)
    assert "tinyapp depend on tinylib<2" in output
    assert "you require tinylib==2.0" in output
    assert "Traceback" not in output
    assert not list(flow.store.glob("flows/*/*"))


def test_an_index_that_does_not_answer_is_named(tmp_path, shared_index) -> None:
    """Whoever has no network must learn it at once, and where it was looked for."""
    flow = write(tmp_path, PLAIN.replace("1.0", "1.7"))
    environ = {**shared_index.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_FIND_LINKS": ""}
    output = flow.call("run", environ=environ, exit_code=2)
    assert "http://127.0.0.1:9/simple" in output
    assert "Traceback" not in output


def test_a_package_that_is_not_what_was_locked_is_refused(tmp_path, index) -> None:
    """Content is verified before anything of it is installed."""
    flow = write(tmp_path, PLAIN)
    flow.call("run", environ=index.environ)
    for folder in ("packages", "built"):
        shutil.rmtree(index.folder / "cache" / "environments" / folder)
    wheel = index.folder / "wheels" / "tinylib-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-100])
    shutil.rmtree(flow.store)
    output = flow.call("run", environ=index.environ, exit_code=2)
    assert "tinylib-1.0-py3-none-any.whl cannot be had" in output
    assert "it is cut short" in output


def test_a_package_that_was_cut_short_here_is_fetched_again(tmp_path, index) -> None:
    """A full disk leaves such files; they heal."""
    flow = write(tmp_path, PLAIN)
    flow.call("run", environ=index.environ)
    environments = index.folder / "cache" / "environments"
    shutil.rmtree(environments / "built")
    (wheel,) = environments.glob("packages/*/tinylib-1.0-*.whl")
    size = wheel.stat().st_size
    os.truncate(wheel, 10)
    flow.call("run", environ=index.environ)
    assert wheel.stat().st_size == size


def test_a_module_that_the_environment_lacks_is_the_tasks_failure(tmp_path, shared_index) -> None:
    """What the flow's file imports at its top every environment needs; the message is Python's, with the line."""
    flow = write(tmp_path, "import pytest\n" + PLAIN)
    output = flow.call("run", environ=shared_index.environ, exit_code=1)
    assert "No module named 'pytest'" in output
    assert f"{flow.path}:" in output


def test_the_flows_own_modules_are_there(tmp_path, shared_index) -> None:
    """Beside the flow, and in a folder that is on the path of whoever starts it."""
    flow = write(
        tmp_path,
        "import beside\nimport elsewhere\n" + PLAIN.replace("sys.executable", "(beside, elsewhere) and 1"),
    )
    (flow.path.parent / "beside.py").write_text("")
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "elsewhere.py").write_text("")
    flow.call("run", environ={**shared_index.environ, "PYTHONPATH": str(tmp_path / "library")})
    assert flow.latest_run().data.where == 1


def test_another_file_system_will_do(tmp_path, shared_index) -> None:
    """Where nothing can be linked, it is copied."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system here")
    folder = memory / f"flowstone-{os.getpid()}"
    try:
        flow = write(tmp_path, PLAIN)
        flow.call("run", environ={**shared_index.environ, "FLOWSTONE_CACHE_FOLDER": str(folder)})
        assert flow.latest_run().data.where.startswith(str(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_two_runs_build_one_environment(tmp_path, index) -> None:
    """Started at the same time, from nothing: each gets a whole one."""
    flow = write(tmp_path, PLAIN)
    flow.call("--environment", "none", "run")  # the store is there
    environ = {**clean_environ(), **index.environ}
    command = flow.command("run")
    runs = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert len(list((index.folder / "cache" / "environments" / "built").glob("[0-9a-f]*[0-9a-f]"))) >= 1
    assert not list((index.folder / "cache" / "environments" / "built").glob(".new-*"))


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_another_python(tmp_path, shared_index, version) -> None:
    """A step may have a Python of another version; values that both know pass between them."""
    source = PLAIN.replace('packages={"tinylib": "1.0"}', f'python="{version}"')
    flow = write(tmp_path, source.replace("sys.executable", "[*sys.version_info]"))
    environ = {"FLOWSTONE_CACHE_FOLDER": str(tmp_path / "cache"), "UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
    done = subprocess.run(
        flow.command("run"), env={**clean_environ(), **environ}, capture_output=True, text=True, check=False
    )
    if f"there is no Python {version}" in done.stderr or "index can be reached" in done.stderr:
        pytest.skip(f"no other Python, or no index: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    assert flow.latest_run().data.where[:2] == [*map(int, version.split("."))]
    assert flow.latest_run().data.version is None


def test_a_task_is_tried_again_in_its_environment(tmp_path, shared_index) -> None:
    """`spin` does what the run did, with the packages that it had."""
    flow = write(tmp_path, PLAIN.replace("self.where =", "import tinylib; print(tinylib.version); self.where ="))
    flow.call("run", environ=shared_index.environ)
    environ = {**shared_index.environ, "UV_FIND_LINKS": ""}
    assert "1.0\n" in flow.call("spin", "end", environ=environ)
    refused = flow.call("spin", "--pdb", "end", environ=environ, exit_code=2)
    assert "write --environment none before spin" in refused
    assert "No module named 'tinylib'" in flow.call("--environment", "none", "spin", "end", exit_code=1)


def test_nothing_survives_a_killed_scheduler(tmp_path, shared_index) -> None:
    """Tasks in another interpreter end with the run, as all do."""
    stuck = "open('pid', 'w').write(str(os.getpid())); __import__('time').sleep(600) #"
    flow = write(tmp_path, PLAIN.replace("self.where =", stuck))
    environ = {**clean_environ(), **shared_index.environ}
    process = subprocess.Popen(flow.command("run"), cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL)
    pid = wait_for_number(tmp_path / "pid")
    process.kill()
    process.communicate()
    wait_until_gone(pid)


def env_command(*words: object, index: LocalIndex, exit_code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flowstone", *map(str, words)],
        env={**clean_environ(), **index.environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def test_environments_are_locked_shown_compared_and_exported(tmp_path, index) -> None:
    """For a review or another tool, before anything runs. Nothing is stored for it. Equal answers, equal bytes."""
    flow = write(tmp_path, PLAIN.replace('{"tinylib": "1.0"}', '{"tinyapp": ""}'))
    assert "packages for " in env_command("env", "lock", flow.path, index=index)
    assert not flow.store.exists()
    assert "  tinylib 1.1\n" in env_command("env", "show", flow.path, index=index)
    (shown,) = json.loads(env_command("env", "show", flow.path, "--json", index=index))
    assert (shown["steps"], shown["requirements"]) == (["end"], ["tinyapp"])
    first, second = tmp_path / "first", tmp_path / "second"
    env_command("env", "export", flow.path, first, index=index)
    env_command("env", "lock", "--upgrade", flow.path, index=index)
    env_command("env", "export", flow.path, second, index=index)
    (one,), (other,) = first.iterdir(), second.iterdir()
    assert one.read_bytes() == other.read_bytes()
    assert one.name.startswith("pylock.end-")
    flow.call("run", environ=index.environ)
    run = flow.latest_run().pathspec
    index.add("tinylib", "1.2", {"tinylib.py": "version = '1.2'\n"})
    assert "  tinylib 1.1\n" in env_command("env", "show", flow.path, index=index)
    env_command("env", "lock", "--upgrade", flow.path, index=index)
    store = ("--store", flow.store)
    changed = env_command(*store, "env", "diff", run, flow.path, index=index, exit_code=1)
    assert changed == "end: tinylib 1.1 -> tinylib 1.2\n"
    assert env_command(*store, "env", "diff", run, run, index=index) == ""


def test_an_environment_of_a_run_is_built_and_tidied_up(tmp_path, index) -> None:
    """To look into it with a debugger; then to have the room back. No index is asked."""
    flow = write(tmp_path, PLAIN)
    flow.call("run", environ=index.environ)
    store = ("--store", flow.store)
    assert "deleted 0 folders" in env_command(*store, "env", "gc", index=index)
    assert "would delete" in env_command(*store, "env", "gc", "--unused", "0s", "--dry-run", index=index)
    env_command(*store, "env", "gc", "--unused", "0s", index=index)
    shutil.rmtree(index.folder / "wheels")
    built = env_command(*store, "env", "materialise", flow.latest_run().pathspec, index=index)
    python = built.strip().removeprefix("end: ")
    told = subprocess.run(
        [python, "-c", "import tinylib; print(tinylib.version)"], capture_output=True, check=True
    )
    assert told.stdout == b"1.0\n"


def test_a_lock_file_of_the_users_is_followed(tmp_path, index) -> None:
    """Its versions and its very files; one that is another file of the same name is refused."""
    flow = write(tmp_path, PLAIN.replace('{"tinylib": "1.0"}', '{"tinyapp": ""}'))
    env_command("env", "export", flow.path, flow.path.parent, index=index)
    (lock,) = flow.path.parent.glob("pylock.*.toml")
    lock.rename(flow.path.with_name("pylock.toml"))
    index.add("tinylib", "1.2", {"tinylib.py": "version = '1.2'\n"})
    pinned = write(tmp_path, PLAIN.replace('packages={"tinylib": "1.0"}', 'lock="pylock.toml"'))
    assert "  tinylib 1.1\n" in env_command("env", "show", pinned.path, index=index)
    index.add("tinylib", "1.1", {"tinylib.py": "version = 'another'\n"})
    environ = {**index.environ, "FLOWSTONE_CACHE_FOLDER": str(tmp_path / "new")}
    output = flow.call("run", environ=environ, exit_code=2)
    assert "is not among the files of it in pylock.toml" in output


def test_a_lock_of_uv_is_followed(tmp_path, index) -> None:
    """The project's own lock holds for a step, and belongs to the code of the run with the project file."""
    flow = write(tmp_path, PLAIN.replace('packages={"tinylib": "1.0"}', 'lock="uv.lock"'))
    project = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["tinyapp"]\n'
    flow.path.with_name("pyproject.toml").write_text(project)
    lock = [sys.executable, "-m", "uv", "lock", "--quiet"]
    subprocess.run(lock, cwd=flow.path.parent, env={**clean_environ(), **index.environ}, check=True)
    index.add("tinylib", "1.2", {"tinylib.py": "version = '1.2'\n"})
    flow.call("run", environ=index.environ)
    run = flow.latest_run()
    assert {"uv.lock", "pyproject.toml"} <= {*run.code}
    shown = env_command("--store", flow.store, "env", "show", run.pathspec, index=index)
    assert "  tinylib 1.1\n" in shown
    assert "  tinyapp 0.5\n" in shown
    flow.path.with_name("uv.lock").write_text("version = 1\n[[package]]\n")
    output = flow.call("run", environ=index.environ, exit_code=2)
    assert "the lock file uv.lock cannot be used" in output
    flow.path.with_name("uv.lock").unlink()
    assert "the lock file uv.lock cannot be read" in flow.call("run", environ=index.environ, exit_code=2)
