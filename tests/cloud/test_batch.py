"""Flows on AWS Batch, run as users run them."""

import re
import signal
import subprocess
import threading

import pytest

from flowstone import Client, Flow, Run
from flowstone_sandbox.testing import Fault

FLOW = """
import os
import sys
import time
from pathlib import Path

from flowstone import FlowSpec, Parameter, batch, current, resources, retry, step

import beside


class Far(FlowSpec):
    seconds = Parameter("seconds", default=0.0)

    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @resources(memory=300)
    @batch(cpu=2, memory=200)
    @step
    def work(self):
        print("working on", self.input, "with", os.environ["OMP_NUM_THREADS"])
        print("trouble", file=sys.stderr)
        time.sleep(self.seconds)
        if self.input == 2 and current.retry_count == 0:
            raise ValueError("at first")
        self.square = beside.square(self.input)
        self.text = Path("words.txt").read_text()
        self.where = os.environ.get("AWS_BATCH_JOB_ID", "")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(each.square for each in inputs)
        self.places = [each.where for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Far()
"""
FILES = {"beside.py": "def square(x):\n    return x ** 2\n", "words.txt": "hello"}

PATIENCE_SECONDS = 120

ONE_STEP = """
from flowstone import FlowSpec, batch, current, step

class One(FlowSpec):
    {decorators}
    @step
    def start(self):
        {body}
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    One()
"""


def latest(flow) -> Run:
    name = re.findall(r"^class (\w+)", flow.path.read_text(), re.MULTILINE)[0]
    run = Flow(name, client=Client(flow.store)).latest_run
    assert run is not None
    return run


def one_step(body: str, decorators: str = "@batch") -> str:
    return ONE_STEP.format(body=body, decorators=decorators)


def wait_for(process: "subprocess.Popen[str]", text: str) -> str:
    """Read the output until the text comes; what never says it is killed."""
    assert process.stdout is not None
    seen = ""
    guard = threading.Timer(PATIENCE_SECONDS, process.kill)
    guard.start()
    try:
        for line in process.stdout:
            seen += line
            if text in line:
                return seen
    finally:
        guard.cancel()
    raise AssertionError(seen)


def test_some_steps_run_there_and_some_here(cloud_flow, sandbox) -> None:
    """By one decorator; code, files and data follow, output and failures come back."""
    flow = cloud_flow(FLOW, FILES)
    output = flow.call("run", environ={"FLOWSTONE_PACKAGE": "words.txt"})
    run = latest(flow)
    assert run.data.total == 14
    assert all(run.data.places)
    assert len({place.partition(":")[0] for place in run.data.places}) == 2, "an array, and what was tried again"
    assert "work/0 | working on 1 with 2" in output
    assert "failed: ValueError: at first" in output
    assert "trouble" in run["work"]["1"].stderr
    assert "working on 2" in run["work"]["1"].stdout


def test_a_store_on_this_machine_is_refused(cloud_flow, tmp_path) -> None:
    """Before anything runs, with what to do."""
    flow = cloud_flow(one_step("pass"))
    output = flow.call("--store", str(tmp_path / "store"), "run", exit_code=2)
    assert "step 'start' runs with @batch, on another machine, but the store" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("decorators", "body", "told"),
    [
        ("@batch(memory=80)", "x = bytearray(300_000_000); import time; time.sleep(5)", "killed for its memory"),
        ("@batch(queue='nowhere')", "pass", "Job queue nowhere does not exist"),
        ("@batch(image='nobody/nothing')", "pass", "the image 'nobody/nothing' cannot be pulled"),
    ],
)
def test_what_went_wrong_is_told_apart(cloud_flow, sandbox, decorators, body, told) -> None:
    """What to do about it differs."""
    sandbox.set_faults(missing_images=["nobody/nothing"])
    flow = cloud_flow(one_step(body, decorators))
    assert told in flow.call("run", exit_code=1)
    sandbox.set_faults()


def test_a_machine_that_is_taken_away_is_no_failure_of_the_task(cloud_flow, sandbox) -> None:
    """Nobody who takes spot machines should have to count on them in `@retry`."""
    body = "print('begun', flush=True); import time; time.sleep(4); self.n = current.retry_count"
    flow = cloud_flow(one_step(body, "@batch"))
    process = flow.start("run")
    wait_for(process, "start/0 | begun")
    batch = sandbox.boto3("batch")
    (job,) = batch.list_jobs(jobQueue="sandbox", jobStatus="RUNNING")["jobSummaryList"]
    assert sandbox.interrupt(job["jobId"]) == 1
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "was taken away" in output
    assert latest(flow).data.n == 1


def test_control_c_ends_the_jobs(cloud_flow, sandbox) -> None:
    """A forgotten job costs money."""
    flow = cloud_flow(one_step("print('begun', flush=True); import time; time.sleep(600)"))
    process = flow.start("run")
    wait_for(process, "start/0 | begun")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert latest(flow).state.value == "cancelled"
    assert sandbox.status()["jobs"]["RUNNING"] == 0


def test_a_store_that_is_busy_slows_and_stops_nothing(cloud_flow, sandbox) -> None:
    """A fifth of all answers of S3, and some of AWS Batch, say to come again."""
    flow = cloud_flow(FLOW, FILES)
    sandbox.set_faults(
        Fault(service="s3", status=503, code="SlowDown", rate=0.2),
        Fault(service="batch", action="SubmitJob", status=429, code="TooManyRequestsException", times=2),
    )
    flow.call("run", environ={"FLOWSTONE_PACKAGE": "words.txt"})
    sandbox.set_faults()
    assert latest(flow).data.total == 14


SLOW = """
import time
from pathlib import Path

from flowstone import FlowSpec, batch, step


class Slow(FlowSpec):
    place = {place!r}

    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @batch
    @step
    def work(self):
        print("task", self.input, "begins")
        Path(self.place, "begun").open("a").write(f"{{self.input}} ")
        while self.input and not Path(self.place, "go").exists():
            time.sleep(0.05)
        self.value = self.input + 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(each.value for each in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Slow()
"""


def wait_until_begun(process: "subprocess.Popen[str]") -> None:
    """Until all three tasks have said that they run."""
    seen = ""
    while not all(f"task {number} begins" in seen for number in range(3)):
        seen += wait_for(process, "begins")


def test_jobs_outlive_a_scheduler_that_is_killed_and_are_gone_on_with(cloud_flow, sandbox, tmp_path) -> None:
    """A laptop that falls asleep must not cost a night of computing; nothing is run twice."""
    flow = cloud_flow(SLOW.format(place=str(tmp_path)))
    process = flow.start("run")
    wait_until_begun(process)
    process.kill()
    process.communicate()
    assert latest(flow).state.value == "died"
    resumed = flow.start("resume")
    wait_for(resumed, "begins")
    (tmp_path / "go").touch()
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, output
    assert sorted((tmp_path / "begun").read_text().split()) == ["0", "1", "2"]
    run = latest(flow)
    assert run.data.total == 6
    assert "task 2 begins" in run["work"]["2"].stdout


def test_jobs_of_a_dead_run_whose_code_has_changed_are_ended(cloud_flow, sandbox, tmp_path) -> None:
    """They would compute what nobody wants any more, for money."""
    flow = cloud_flow(SLOW.format(place=str(tmp_path)))
    process = flow.start("run")
    wait_until_begun(process)
    process.kill()
    process.communicate()
    flow.path.write_text(flow.path.read_text().replace("self.input and not", "False and not"))
    flow.call("resume")
    assert latest(flow).data.total == 6
    assert sandbox.status()["jobs"]["RUNNING"] == 0
    begun = (tmp_path / "begun").read_text().split()
    assert begun.count("2") == 2, "with the new code, once more"
