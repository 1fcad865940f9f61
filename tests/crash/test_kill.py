"""Whatever kills a run, nothing of it goes on, and its store can be read."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from flowstone import Client, Flow, Run
from flowstone_interfaces import FlowstoneError

SLOW_FAN = """
    import random
    import subprocess
    import sys
    import time

    class SlowFan(FlowSpec):
        pause = Parameter("pause", default=0.005)

        @step
        def start(self):
            self.items = list(range(200))
            self.big = random.Random(4711).randbytes(102_400)  # what cannot be compressed
            self.next(self.work, foreach="items")

        @step
        def work(self):
            child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
            self.y = [self.input] * 2000
            print("x" * 1000)
            time.sleep(self.pause)
            child.kill()
            child.wait()
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.y[0] for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        SlowFan()
"""


def processes_of(mark: str) -> list[int]:
    """The processes whose environment holds `mark`: the run's, and every one that they started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in environ and state != "Z":
            found.append(int(folder.name))
    return found


def wait_until_gone(mark: str) -> None:
    deadline = time.monotonic() + 20
    while left := processes_of(mark):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)


def check_readable(run: Run) -> int:
    """Everything that the journal calls finished can be loaded; how many tasks that is."""
    count = 0
    for step in run.steps():
        for task in step.tasks():
            assert task.stdout is not None
            if task.successful:
                count += 1
                for artifact in task.artifacts:
                    assert artifact.data is not None
    return count


@pytest.fixture
def mark(monkeypatch) -> str:
    """A name in the environment by which a run's processes are found, whoever their parent is."""
    text = f"FLOW_UNDER_TEST={os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv(*text.split("="))
    return text


@pytest.mark.slow
def test_sigkill_at_any_moment_leaves_no_process_and_a_sound_store(flow_file, mark) -> None:
    """Fifty moments, from the first import to nearly the end; all runs share one store, as they would."""
    flow = flow_file(SLOW_FAN)
    rng = random.Random(50)
    finished = []
    started = time.monotonic()
    flow.call("run")
    whole = time.monotonic() - started  # of this machine, as it is now
    for _ in range(50):
        process = flow.start("run")
        time.sleep(rng.uniform(0.05, 0.8) * whole)
        process.kill()
        process.communicate()
        wait_until_gone(mark)
    died = 0
    for run in Flow("SlowFan", client=Client(flow.store)):
        if run.state.value == "finished":  # the machine was faster than the kill
            continue
        assert run.state.value == "died"
        died += 1
        finished.append(check_readable(run))
    assert died >= 30
    assert max(finished) > 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_signal_stops_everything_at_once_and_is_recorded(flow_file, mark, number, isolation) -> None:
    """The journal says cancelled, the exit code says not finished, no process is left."""
    flow = flow_file(SLOW_FAN)
    process = flow.start("run", "--pause", "60", "--isolation", isolation)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "work: started" in line:
            break
    began = time.monotonic()
    process.send_signal(number)
    rest, _ = process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert process.returncode == 1
    assert "cancelled in" in rest, "".join(lines) + rest
    assert "Traceback" not in rest
    wait_until_gone(mark)
    run = flow.latest_run()
    assert run.state.value == "cancelled"
    assert number.name in run.message
    assert {task.state.value for task in run["work"].tasks()} == {"failed"}
    assert check_readable(run) == 1


def test_ctrl_c_stops_a_run_in_one_process(flow_file, mark) -> None:
    """With no isolation the step itself is interrupted."""
    flow = flow_file(SLOW_FAN)
    process = flow.start("run", "--pause", "60", "--isolation", "none", start_new_session=True)
    for line in process.stdout:
        if line.startswith("xxx"):
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    process.communicate(timeout=20)
    assert process.returncode == 1
    assert flow.latest_run().state.value == "cancelled"


FAILS = """
    import ctypes
    import os
    import signal
    import sys
    import time

    class Fails(FlowSpec):
        how = Parameter("how", default="raise")

        @step
        def start(self):
            self.before = "set before it failed"
            self.next(self.left, self.right)

        @step
        def left(self):
            self.half = 1
            print("out", flush=True)
            if self.how == "raise":
                def inner():
                    raise ValueError("the sky is down")
                inner()
            elif self.how == "segfault":
                ctypes.string_at(0)
            elif self.how == "_exit":
                os._exit(7)
            elif self.how == "exit":
                sys.exit("bye")
            elif self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif self.how == "closed":
                os.close(1)
                os.close(2)
                raise RuntimeError("and nobody hears it")
            self.next(self.join)

        @step
        def right(self):
            time.sleep(30 if self.how != "pass" else 0)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Fails()
"""


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "ValueError: the sky is down"),
        ("segfault", "segmentation fault"),
        ("_exit", "exit code 7"),
        ("exit", "SystemExit: bye"),
        ("kill", "SIGKILL"),
        ("closed", "and nobody hears it"),
    ],
)
def test_a_failing_task_fails_the_run_at_once_and_says_why(flow_file, mark, how, message) -> None:
    """Its siblings stop; what ran before can be read; the message names the task."""
    flow = flow_file(FAILS)
    began = time.monotonic()
    output = flow.call("run", "--how", how, exit_code=1)
    assert time.monotonic() - began < 15
    assert message in output
    wait_until_gone(mark)
    run = flow.latest_run()
    assert run.state.value == "failed"
    assert message in run.message
    assert "left/0" in run.message
    assert {task.pathspec.split("/")[2] for task in run.failed_tasks} == {"left", "right"}
    assert run["start"].task.data.before == "set before it failed"


def test_a_traceback_shows_the_users_own_frames_only(flow_file) -> None:
    """Ours say nothing about the user's mistake."""
    flow = flow_file(FAILS)
    output = flow.call("run", exit_code=1)
    assert "in inner" in output
    assert "flowstone_runtime" not in output
    task = flow.latest_run()["left"].task
    assert task.exception.file == str(flow.path)
    assert flow.path.read_text().splitlines()[task.exception.line - 1].strip().startswith("raise ValueError")
    assert task.data.half == 1, "what a failed attempt had set is stored too"
    assert task.stdout == "out\n"
    assert "ValueError" in task.stderr


def test_runs_of_one_flow_at_once_do_not_meet(flow_file) -> None:
    """Sixteen people press enter in the same second."""
    flow = flow_file(FAILS)
    processes = [flow.start("run", "--how", "pass") for _ in range(16)]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    runs = list(Flow("Fails", client=Client(flow.store)))
    assert len({run.id for run in runs}) == 16
    assert {run.state.value for run in runs} == {"finished"}


def test_damage_is_an_error_and_never_a_wrong_value(flow_file) -> None:
    """One flipped byte in a stored chunk."""
    flow = flow_file(SLOW_FAN)
    run = flow.run("--pause", "0")
    chunks = [
        path for path in (flow.store / "chunks").rglob("*") if path.is_file() and path.stat().st_size > 100_000
    ]
    assert chunks
    for chunk in chunks:
        content = bytearray(chunk.read_bytes())
        content[len(content) // 2] ^= 1
        chunk.chmod(0o600)
        chunk.write_bytes(content)
    with pytest.raises(FlowstoneError, match="big"):
        _ = run["start"].task.data.big
