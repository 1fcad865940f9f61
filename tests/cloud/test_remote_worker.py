"""A bare Python becomes a worker."""

import queue
import subprocess
from pathlib import Path

import attrs
import pytest

from flowstone_datastore import Datastore, RecordRef, RunStarted
from flowstone_executors import LocalExecutor
from flowstone_graph import TaskKey
from flowstone_interfaces import TaskFinished, TaskLog, TaskRequest
from flowstone_runtime.remote.launch import Launch, LaunchRef, put_launch, remote_command
from flowstone_runtime.remote.prepare import prepare_launch, started_file
from flowstone_runtime.tasks.task_spec import TaskSpec

FLOW = """
from flowstone import FlowSpec, step

import beside


class Far(FlowSpec):
    @step
    def start(self):
        print("it is", beside.VALUE)
        self.value = beside.VALUE
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Far()
"""


@attrs.frozen
class PastRun:
    """A run that was started here, and what is needed to do its first task once more elsewhere."""

    datastore: Datastore
    record: RunStarted
    ref: RecordRef
    launch: LaunchRef

    def launch_document(self) -> Launch:
        return Launch.from_json(self.datastore.storage.read(self.launch.name))

    def spec(self) -> TaskSpec:
        run = self.record
        return TaskSpec(self.launch.store, run.flow, run.run_id, TaskKey("start"), 0, (), (), None, self.ref, "")


@pytest.fixture
def past_run(cloud_flow, caches) -> PastRun:
    flow = cloud_flow(FLOW, {"beside.py": "VALUE = 7\n"})
    flow.call("run")
    datastore = Datastore.open(flow.store)
    run_id = next(iter(datastore.run_ids("Far")))
    ref, record = next(
        (ref, each) for ref, each in datastore.journal("Far", run_id).records() if isinstance(each, RunStarted)
    )
    assert record.code is not None
    started = started_file(record.code, flow.path.parent, flow.path, None)
    launch = prepare_launch(datastore, record.code, started, caches / "flowstone" / "archives")
    flow.path.write_text("raise SystemExit('what runs is what was stored')")
    return PastRun(datastore, record, ref, launch)


def execute(request: TaskRequest) -> tuple[TaskFinished, str]:
    events: queue.SimpleQueue = queue.SimpleQueue()
    executor = LocalExecutor(events.put)
    executor.submit(request)
    output = b""
    while not isinstance(event := events.get(timeout=120), TaskFinished):
        output += event.data if isinstance(event, TaskLog) else b""
    executor.close()
    return event, output.decode()


def test_a_task_runs_where_nothing_is_installed(past_run, bare_python: Path, tmp_path: Path) -> None:
    """Code and packages come from the store; the second task finds them on its machine."""
    argv, environ = remote_command(past_run.launch, python=str(bare_python / "python3"))
    assert sum(map(len, argv)) < 8192
    node = tmp_path / "node"
    payload = past_run.spec().to_json()
    for _ in range(2):
        request = TaskRequest("start", argv, payload, {**environ, "FLOWSTONE_NODE_CACHE": str(node)})
        end, output = execute(request)
        assert (end.exit_code, output) == (0, "it is 7\n")
        assert b'"task-finished"' in (end.result or b"")
        assert node.stat().st_mode & 0o777 == 0o700
    assert not [*node.glob(".new-*")]


def test_another_python_is_refused_with_a_sentence(past_run, bare_python: Path, tmp_path: Path) -> None:
    """Compiled packages of ours would crash there."""
    other = attrs.evolve(past_run.launch_document(), python="3.99")
    ref = put_launch(past_run.datastore.storage, other)
    argv, environ = remote_command(ref, python=str(bare_python / "python3"))
    end, output = execute(TaskRequest("x", argv, b"", {**environ, "FLOWSTONE_NODE_CACHE": str(tmp_path / "n")}))
    assert end.exit_code == 78
    assert "was started with Python 3.99" in output
    assert "Traceback" not in output


def test_what_is_damaged_is_not_unpacked(past_run, bare_python: Path, tmp_path: Path) -> None:
    """Whoever can write to the store by mistake does not decide what runs."""
    launch = past_run.launch_document()
    archive = past_run.datastore.storage.read(launch.code.name)
    damaged = archive[:-8] + b"\0" * 8
    past_run.datastore.storage.write(launch.code.name, damaged)
    argv, environ = remote_command(past_run.launch, python=str(bare_python / "python3"))
    end, output = execute(TaskRequest("x", argv, b"", {**environ, "FLOWSTONE_NODE_CACHE": str(tmp_path / "n")}))
    assert end.exit_code == 78
    assert f"{launch.code.name} in s3://" in output
    assert "is damaged" in output
    past_run.datastore.storage.write(launch.code.name, archive)


def test_a_second_launch_packs_nothing(past_run, caches) -> None:
    """Packing reads thousands of files."""
    code = past_run.record.code
    known = {file: file.stat().st_mtime_ns for file in (caches / "flowstone" / "archives").iterdir()}
    started = started_file(code, Path("/nowhere"), Path("/else/where.py"), None)
    assert prepare_launch(past_run.datastore, code, started, caches / "flowstone" / "archives") == past_run.launch
    assert {file: file.stat().st_mtime_ns for file in (caches / "flowstone" / "archives").iterdir()} == known


def test_the_bundle_holds_no_secret_and_no_test_of_ours(past_run) -> None:
    """It goes to every machine."""
    launch = past_run.launch_document()
    listed = subprocess.run(
        ["tar", "tz"], input=past_run.datastore.storage.read(launch.bundle.name), capture_output=True, check=True
    ).stdout.decode()
    assert "flowstone_runtime/remote/worker.py" in listed
    assert "botocore/data/s3/" in listed
    assert "flowstone_sandbox" not in listed
    assert "__pycache__" not in listed
