"""An executor that is not ours: Slurm, the real one, on this machine."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from flowstone_executors.testing import Events, ExecutorContract, contract_request
from flowstone_interfaces import ExecutorPlace, Reason, Resources, TaskFinished

EXAMPLE = Path(__file__).parents[2] / "examples" / "slurm" / "flowstone_slurm.py"


def has_slurm() -> bool:
    """Whether there is a cluster that answers."""
    if shutil.which("sbatch") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True, check=False, timeout=60).returncode == 0


pytestmark = pytest.mark.skipif(
    not has_slurm(), reason="needs a Slurm cluster: examples/slurm/one_node.sh starts one"
)


def slurm_executor(post, folder: Path):
    spec = importlib.util.spec_from_file_location("flowstone_slurm", EXAMPLE)
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
        import attrs

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
        executor.submit(contract_request("one", ("exit", 0)))
        events.until(TaskFinished)
        executor.close()
        assert not any(self.folder.iterdir())
