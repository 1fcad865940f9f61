"""Flows on Step Functions: what was seen on the laptop is what happens in the cloud."""

import json
import time

import pytest
from local_index import OF_S3, LocalIndex

from flowstone import DeployedFlow, Deployer
from flowstone_datastore import Deployments, RunState, TaskFailed, TaskFinished
from flowstone_runtime.production.on_scheduler import NotDeployedError
from flowstone_runtime.programs.deployer import DeploymentFailedError

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

    @resources(cpu=2)
    @step
    def end(self):
        self.given = [self.alpha, self.day, self.sizes]
        self.threads = os.environ["OMP_NUM_THREADS"]
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
    assert run["end"].task.data.threads == "2"  # as many as it has vCPUs
    assert [run[step].task.current_attempt for step in ("flaky", "picky", "killed")] == [1, 1, 1]
    assert run["start"].task.stdout == "as it was deployed\n"
    assert "ValueError: once" in cloud.call(flow, "logs", f"{run.id}/flaky", "--attempt", "0")
    assert run.deployment.name == "Careful"
    deployments = Deployments(cloud.client.datastore.storage)
    assert deployments.read("Careful", run.deployment.version).code == run.summary.started.code
    (listed,) = map(json.loads, cloud.call(flow, "list-runs", "--json").splitlines())
    assert (listed["run_id"], listed["state"]) == (run.id, "finished")


FAILING = """
from flowstone import exit_hook

def tell(run):
    print(run.message)
    raise OSError("nobody is listening")

@exit_hook(on_error=[tell])
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
    cloud.until(lambda: "division by zero" in _told(run))
    empty = cloud.trigger(flow, "--size", "0")
    assert empty.state is RunState.FINISHED, empty.message
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


def _told(run) -> str:
    """What the run's exit hook wrote; looks again though the run has ended."""
    store = run._datastore
    records = [record for _, record in store.journal(run.flow_name, run.id).records()]
    spans = [each.logs for each in records if _is_end_of_hook(each) and each.logs]
    frames = [
        frame
        for span in spans
        for frame in store.log(run.flow_name, run.id, span.segment).frames(span.start, span.end)
    ]
    return b"".join(frame.data for frame in frames if frame.stream == "stdout").decode()


def _is_end_of_hook(record) -> bool:
    return isinstance(record, TaskFinished | TaskFailed) and record.step == "_exit_hook"


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


FRAGILE = """
from pathlib import Path

class Fragile(FlowSpec):
    file = Parameter("file", default="")

    @step
    def start(self):
        print("once")
        self.items = [1, 2]
        self.next(self.part, foreach="items")

    @step
    def part(self):
        self.text = Path(self.file).read_text() if self.input == 2 else "-"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.texts = [each.text for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_a_failed_run_goes_on_where_it_failed(cloud, deployed, tmp_path) -> None:
    """Under its own id; what has finished is not run again, what failed gets another attempt."""
    flow = deployed(FRAGILE, "Fragile")
    run = cloud.trigger(flow, "--file", tmp_path / "late.txt")
    assert run.state is RunState.FAILED
    (tmp_path / "late.txt").write_text("there it is")
    assert cloud.call(flow, "resume", run.id).strip() == run.pathspec
    again = cloud.ended(run.pathspec)
    assert again.state is RunState.FINISHED, again.message
    assert again["join"].task.data.texts == ["-", "there it is"]
    assert {task.pathspec: task.current_attempt for task in again["part"].tasks()} == {
        f"{run.pathspec}/part/0": 0,
        f"{run.pathspec}/part/1": 1,
    }
    assert again["start"].task.current_attempt == 0
    assert "only runs that failed" in cloud.call(flow, "resume", run.id, exit_code=2)


WAITING = """
import time
from flowstone import exit_hook

def tell(run):
    print(run.message)

@exit_hook(on_error=[tell])
class Waiting(FlowSpec):
    @step
    def start(self):
        time.sleep(600)
"""


def test_a_run_that_is_stopped_or_timed_out_there_ends_here_too(cloud, deployed) -> None:
    """Nobody of ours stopped it; of a run whose time is up the hooks are called."""
    flow = deployed(WAITING, "Waiting")
    states = cloud.sandbox.boto3("stepfunctions")
    stopped = json.loads(cloud.call(flow, "trigger", "--json"))
    run = cloud.run(stopped["run"])
    cloud.until(lambda: run.has_begun and list(run.steps()) != [])
    cloud.call(flow, "create", "--workflow-timeout", "6")
    timed_out = cloud.call(flow, "trigger").strip()
    states.stop_execution(executionArn=stopped["execution"])
    run = cloud.ended(stopped["run"])
    assert (run.state, run.message) == (RunState.CANCELLED, "somebody stopped it on the scheduler (ABORTED)")
    run = cloud.ended(timed_out)
    assert (run.state, run.message) == (RunState.FAILED, "the scheduler ended it (TIMED_OUT)")
    cloud.until(lambda: _told(run) == f"{run.message}\n")
    cloud.call(flow, "delete")
    names = [rule["Name"] for rule in cloud.sandbox.boto3("events").list_rules()["Rules"]]
    assert "Waiting" not in names


NIGHTLY = """
from flowstone import exit_hook, project, schedule

def tell(run):
    print("it is over:", run.pathspec)

@project(name="demo")
@exit_hook(on_success=[tell])
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
    cloud.until(lambda: "it is over" in _told(run))
    assert _told(run) == f"it is over: {run.pathspec}\n"


PROGRAM = """
class Program(FlowSpec):
    alpha = Parameter("alpha", default=1)
    words = Parameter("words", default="a,b", separator=",")
    table = IncludeFile("table", default="table.txt")
    loud = Parameter("loud", type=bool, default=True)

    @step
    def start(self):
        self.given = [self.alpha, self.words, self.table, self.loud]
"""


def test_a_program_deploys_and_triggers(cloud, flow_file, tmp_path, monkeypatch) -> None:
    """What the commands do, with values instead of words; files travel with the run."""
    source = "from flowstone import IncludeFile\n" + PROGRAM + MAIN.format(name="Program")
    flow = flow_file(source, name="program.py")
    (tmp_path / "table.txt").write_text("as deployed")
    deployer = Deployer(flow.path, env=cloud.environ)
    deployed = deployer.step_functions(name="by-program").create(tag=("one", "two"))
    assert deployed.name == "by-program"
    (tmp_path / "table.txt").write_text("as it is now")
    run = deployed.trigger().wait_for_run(0.1, 120).wait(120, 0.1)
    assert run["start"].task.data.given == [1, ["a", "b"], "as deployed", True]
    assert {"one", "two"} <= run.user_tags
    given = deployed.trigger(alpha=5, words="c,d", table=str(tmp_path / "table.txt"), loud=False)
    run = given.wait_for_run(0.1, 120).wait(120, 0.1)
    assert run["start"].task.data.given == [5, ["c", "d"], "as it is now", False]
    assert deployed.list_runs()[0]["run_id"] == run.id
    assert deployer.step_functions(name="by-program").deployed() == deployed
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    by_name = DeployedFlow.from_deployment("by-program")
    assert (by_name.deployment, by_name.name) == (deployed.deployment, "by-program")
    run = by_name.trigger(alpha=6).wait_for_run(0.1, 120).wait(120, 0.1)
    assert run["start"].task.data.given == [6, ["a", "b"], "as deployed", True]
    assert by_name.list_runs()[0]["run_id"] == run.id
    with pytest.raises(NotDeployedError):
        DeployedFlow.from_deployment("nothing")
    flow.path.write_text(flow.path.read_text().replace("default=1)", "default=7)"))
    again = deployer.step_functions(name="by-program").create()
    assert again.deployment != deployed.deployment
    older = deployed.deployment[:10]
    assert "another value: alpha" in cloud.call(flow, "diff", older, "--name", "by-program")
    cloud.call(flow, "rollback", older, "--name", "by-program")
    listed = map(json.loads, cloud.call(flow, "list", "--name", "by-program", "--json").splitlines())
    assert [(each["deployment"], each["is_current"]) for each in listed] == [
        (again.deployment, False),
        (deployed.deployment, True),
    ]
    deployed.delete()
    with pytest.raises(DeploymentFailedError, match="is not deployed"):
        deployed.trigger()


def test_a_notebook_deploys_a_flow_of_its_cells(cloud, tmp_path, monkeypatch) -> None:
    """The same cells are the same deployment; no file is left."""
    import nbformat
    from nbclient import NotebookClient

    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "pyproject.toml").touch()
    cells = [
        "from flowstone import FlowSpec, NBDeployer, Parameter, step\nFACTOR = 10",
        """
class Noted(FlowSpec):
    x = Parameter("x", default=1)

    @step
    def start(self):
        self.y = FACTOR * self.x
""",
        """
deployers = [NBDeployer(Noted), NBDeployer(Noted)]
one, other = [each.step_functions().create() for each in deployers]
run = one.trigger(x=4).wait_for_run(0.1, 120).wait(120, 0.1)
for each in deployers:
    each.cleanup()
print(one.deployment == other.deployment, run["start"].task.data.y)
""",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[2].outputs[0].text == "True 40\n"
    assert not list(tmp_path.glob(".Noted-*"))


LOCKED = """
import sys
from flowstone import pypi

class Locked(FlowSpec):
    @step
    def start(self):
        self.here = sys.prefix
        self.items = [1, 2]
        self.next(self.own, foreach="items")

    @pypi(packages={"tinylib": "<2"})
    @step
    def own(self):
        import tinylib
        self.found = (tinylib.version, sys.prefix)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [each.found for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_packages_of_a_step_are_locked_when_it_is_created(cloud, flow_file, tmp_path) -> None:
    """What the index has later does not matter; jobs build it, and those of other steps do not see it."""
    index = LocalIndex(tmp_path / "index")
    index.fill()
    for name in OF_S3:
        index.pack(name)
    flow = flow_file(LOCKED + MAIN.format(name="Locked"), name="locked.py")
    cloud.call(flow, "create", **index.environ)
    index.add("tinylib", "1.9", {"tinylib.py": "version = '1.9'\n"})
    run = cloud.trigger(flow)
    assert run.state is RunState.FINISHED, run.message
    found = run["join"].task.data.found
    assert [version for version, _ in found] == ["1.1", "1.1"]
    assert run["start"].task.data.here not in {prefix for _, prefix in found}
