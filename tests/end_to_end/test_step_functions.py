"""Flows on Step Functions: what was seen on the laptop is what happens in the cloud."""

import json
import time

import pytest

from flowstone_datastore import Deployments, RunState

MAIN = "\nif __name__ == '__main__':\n    {name}()\n"


@pytest.fixture
def deployed(cloud, flow_file):
    """Writes a flow and deploys it."""

    def deploy(source, name):
        flow = flow_file(source + MAIN.format(name=name), name=f"{name.lower()}.py")
        cloud.call(flow, "create")
        return flow

    return deploy


CAREFUL = """
import datetime
import os
import signal

class Careful(FlowSpec):
    alpha = Parameter("alpha", default=0.5)
    day = Parameter("day", type=datetime.date, default=lambda: datetime.date(2026, 1, 1))
    sizes = Parameter("sizes", type=list[int], default=[1])

    @step
    def start(self):
        print("as it was deployed")
        self.next(self.flaky, self.picky, self.killed)

    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        if current.retry_count < 1:
            raise ValueError("once")
        self.attempt = current.retry_count
        self.next(self.join)

    @retry(times=2, minutes_between_retries=0, only=KeyError)
    @catch(var="oops", print_exception=False)
    @step
    def picky(self):
        if current.retry_count < 1:
            raise KeyError("tried again")
        self.attempt = current.retry_count
        if self.attempt:
            raise ValueError("not tried again")
        self.next(self.join)

    @catch(var="oops")
    @step
    def killed(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.attempts = [inputs.flaky.attempt, inputs.picky.attempt]
        self.oops = [str(inputs.picky.oops), str(inputs.killed.oops)]
        self.next(self.end)

    @step
    def end(self):
        self.given = [self.alpha, self.day, self.sizes]
"""


def test_failures_are_tried_again_and_caught_as_they_are_at_home(cloud, deployed) -> None:
    """What the task says of its failure decides; what it cannot say, the scheduler does."""
    flow = deployed(CAREFUL, "Careful")
    flow.path.write_text(flow.path.read_text().replace("as it was deployed", "as it is now"))
    run = cloud.trigger(flow, "--alpha", "0.25", "--sizes", "[3, 4]")
    assert run.state is RunState.FINISHED, run.message
    assert run["join"].task.data.attempts == [1, 1]
    picky, killed = run["join"].task.data.oops
    assert picky == "ValueError: not tried again"
    assert killed.startswith("TaskCrashedError: step 'killed' crashed: its job ended before the step was over")
    alpha, day, sizes = run["end"].task.data.given
    assert (alpha, day.year, sizes) == (0.25, 2026, [3, 4])
    assert [run[step].task.current_attempt for step in ("flaky", "picky", "killed")] == [1, 1, 1]
    assert run["start"].task.stdout == "as it was deployed\n"
    assert "ValueError: once" in cloud.call(flow, "logs", f"{run.id}/flaky", "--attempt", "0")
    assert run.deployment.name == "Careful"
    deployments = Deployments(cloud.client.datastore.storage)
    assert deployments.read("Careful", run.deployment.version).code == run.summary.started.code
    (listed,) = map(json.loads, cloud.call(flow, "list-runs", "--json").splitlines())
    assert (listed["run_id"], listed["state"]) == (run.id, "finished")


FAILING = """
class Failing(FlowSpec):
    size = Parameter("size", default=1)

    @step
    def start(self):
        self.items = range(self.size)
        self.next(self.part, foreach="items")

    @step
    def part(self):
        1 / self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_a_failed_run_is_a_failed_run_in_the_client_too(cloud, deployed) -> None:
    """With the task that failed, and what it was given if that was wrong; a foreach over nothing is no failure."""
    flow = deployed(FAILING, "Failing")
    run = cloud.trigger(flow)
    assert run.state is RunState.FAILED
    assert run.message == f"Failing/{run.id}/part/0 failed: ZeroDivisionError: division by zero"
    assert [task.id for task in run.failed_tasks] == ["0"]
    assert cloud.trigger(flow, "--size", "0").state is RunState.FINISHED
    refused = cloud.call(flow, "trigger", "--size", "many", exit_code=2)
    assert "'many' is not a valid" in refused
    states = cloud.sandbox.boto3("stepfunctions")
    (machine,) = [found for found in states.list_state_machines()["stateMachines"] if found["name"] == "Failing"]
    text = json.dumps({"parameters": {"size": "many"}})
    states.start_execution(stateMachineArn=machine["stateMachineArn"], name="c0ffee-by-hand", input=text)
    runs = map(json.loads, cloud.call(flow, "list-runs", "--json").splitlines())
    (by_hand,) = [found["run_id"] for found in runs if found["run_id"].endswith("-c0ffee")]
    failed = cloud.ended(f"Failing/{by_hand}")
    assert failed.state is RunState.FAILED
    assert "'many' is not a valid" in failed.message


SLOW = """
import time

class Slow(FlowSpec):
    @step
    def start(self):
        print("begun", flush=True)
        time.sleep(600)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_who_does_not_know_the_token_changes_nothing(cloud, deployed, tmp_path) -> None:
    """Nobody overwrites, stops or deletes another's deployment by accident."""
    flow = deployed(SLOW, "Slow")
    stranger = {"XDG_CONFIG_HOME": str(tmp_path / "stranger")}
    pathspec = cloud.call(flow, "trigger").strip()
    for command in (["create"], ["terminate", pathspec], ["delete"]):
        assert "--authorize TOKEN" in cloud.call(flow, *command, exit_code=2, **stranger)
    deadline = time.monotonic() + 60
    run = cloud.run(pathspec)
    while not (run.has_begun and list(run.steps())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    token = json.loads(cloud.call(flow, "status", "--json"))["token"]
    cloud.call(flow, "terminate", pathspec, "--authorize", token, **stranger)
    assert cloud.ended(pathspec).state is RunState.CANCELLED
    assert "is not running" in cloud.call(flow, "terminate", pathspec, exit_code=2)
    cloud.call(flow, "create", "--new-token", **stranger)
    assert "--authorize TOKEN" in cloud.call(flow, "delete", exit_code=2)
    cloud.call(flow, "delete", **stranger)
    assert "is not deployed" in cloud.call(flow, "status", exit_code=2)


NIGHTLY = """
from flowstone import project, schedule

@project(name="demo")
@schedule(cron="30 3 * * *", timezone="Europe/Helsinki")
class Nightly(FlowSpec):
    @step
    def start(self):
        self.branch = current.branch_name
"""


def test_a_schedule_starts_the_flow(cloud, flow_file) -> None:
    """In its own time zone; the branch of a project is deployed beside the others."""
    flow = flow_file(NIGHTLY + MAIN.format(name="Nightly"), name="nightly.py")
    output = flow.call("--branch", "trial", "step-functions", "create", environ=cloud.environ)
    assert "demo.test.trial.Nightly is on AWS Step Functions" in output
    status = flow.call("--branch", "trial", "step-functions", "status", environ=cloud.environ)
    assert "started cron(30 3 * * ? *) Europe/Helsinki" in status
    cloud.sandbox.advance_clock(24 * 3600)
    run = cloud.first_run("Nightly")
    assert run.state is RunState.FINISHED
    assert run.data.branch == "test.trial"
    assert "project_branch:test.trial" in run.system_tags
    assert "runtime:step-functions" in run.system_tags
