"""An executor that is not ours: Slurm, the real one, on this machine."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from flow_files import clean_environ

from flowstone import Client, Flow
from flowstone_executors.testing import Events, ExecutorContract, contract_request
from flowstone_interfaces import ExecutorPlace, Reason, Resources, TaskFinished, toml

EXAMPLE = Path(__file__).parents[2] / "examples" / "slurm"


def has_slurm() -> bool:
    """Whether there is a cluster that answers."""
    if shutil.which("sbatch") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True, check=False, timeout=60).returncode == 0


pytestmark = pytest.mark.skipif(
    not has_slurm(), reason="needs a Slurm cluster: examples/slurm/one_node.sh starts one"
)


def slurm_executor(post, folder: Path):
    spec = importlib.util.spec_from_file_location("flowstone_slurm", EXAMPLE / "flowstone_slurm.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SlurmExecutor(
        post, ExecutorPlace("Flow/1", None, {"folder": str(folder), "options": ["--mem=50"]})
    )


class TestSlurm(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path) -> None:
        self.folder = tmp_path / "jobs of mine"

    def make_executor(self, post):
        return slurm_executor(post, self.folder)

    def test_what_takes_too_much_memory_is_told_so(self, executor, events: Events) -> None:
        """Another try with more memory may succeed; the exit code alone does not say so."""
        hog = ("python3", "-c", "import time; x = bytearray(200_000_000); time.sleep(60)")
        executor.submit(contract_request("hog"))
        executor.submit(attrs.evolve(contract_request("hog 2"), argv=hog))
        events.until(TaskFinished, 2)
        assert {e.request_id: e.reason for e in events.finished()}["hog 2"] is Reason.OUT_OF_MEMORY

    def test_what_no_machine_has_is_refused(self, executor, events: Events) -> None:
        """In Slurm's own words, and at once."""
        executor.submit(contract_request("huge", resources=Resources(memory_mib=999_999_999)))
        (end,) = events.until(TaskFinished)
        assert end.reason is Reason.REFUSED
        assert "Memory" in end.message

    def test_nothing_is_left_in_the_shared_folder(self, executor, events: Events) -> None:
        """It is people's home."""
        executor.submit(contract_request("one", ("exit", 0)))
        events.until(TaskFinished)
        executor.close()
        assert not any(self.folder.iterdir())


FLOW = """
import os

from flowstone import FlowSpec, resources, step


class Fan(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @resources(cpu=2, memory=300)
    @step
    def work(self):
        self.job, self.cpus = os.environ["SLURM_JOB_ID"], os.environ["SLURM_CPUS_PER_TASK"]
        print("here is", self.job)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.jobs = {each.job for each in inputs}
        self.cpus = {each.cpus for each in inputs}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Fan()
"""


def install(folder: Path) -> None:
    """As pip does it."""
    for module in EXAMPLE.glob("*.py"):
        shutil.copy(module, folder)
    project = toml.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = folder / f"flowstone_slurm-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


def test_a_flow_runs_as_jobs_of_slurm(tmp_path, cloud) -> None:
    """By one switch, with a package that somebody else wrote and pip installed."""
    (tmp_path / "site").mkdir()
    install(tmp_path / "site")
    flow = tmp_path / "flow.py"
    flow.write_text(FLOW)
    (tmp_path / "pyproject.toml").write_text(f"[tool.flowstone.slurm]\nfolder = '{tmp_path / 'jobs'}'\n")
    environ = {
        **clean_environ(),
        **cloud.sandbox.running.variables,
        "FLOWSTONE_STORE": cloud.sandbox.running.store.replace("/store?", "/slurm?"),
        "PYTHONPATH": str(tmp_path / "site"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "FLOWSTONE_CACHE_FOLDER": str(tmp_path / "cache"),
        "FLOWSTONE_NODE_CACHE": str(tmp_path / "node"),
    }
    command = [sys.executable, str(flow), "run", "--with", "slurm"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    run = Flow("Fan", client=Client(environ["FLOWSTONE_STORE"])).latest_run
    assert run.successful
    assert len(run.data.jobs) == 2
    assert run.data.cpus == {"2"}
    assert "here is" in run["work"].task.stdout
