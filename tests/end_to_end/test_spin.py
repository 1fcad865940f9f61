"""One task of an older run once more: the short way from a failure to its repair."""

import json
import time

from flowstone import Client, Flow, Run

FLOW = """
    class Fan(FlowSpec):
        scale = Parameter("scale", default=2)
        unit = "m"

        @step
        def start(self):
            self.items = [1, 0, 4]
            self.next(self.divide, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def divide(self):
            print("dividing by", self.input, self.unit)
            self.part = self.scale / self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.part for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Fan()
"""


def repaired(flow) -> None:
    source = flow.path.read_text()
    flow.path.write_text(source.replace("self.scale / self.input", "self.scale / (self.input or 1)"))


def spun(flow, *arguments, exit_code=0) -> dict:
    """What the command says to programs; it comes last."""
    output = flow.call("spin", *arguments, "--json", exit_code=exit_code)
    return next(json.loads(line) for line in output.splitlines() if line.startswith("{"))


def test_a_failed_task_is_repaired_without_the_rest(flow_file) -> None:
    """Of a step, the task that failed is meant; its inputs and parameters are those that it had."""
    flow = flow_file(FLOW)
    failed = flow.run("--scale", 6, exit_code=1)
    assert spun(flow, "divide", exit_code=1)["error"]["type"] == "ZeroDivisionError"
    repaired(flow)
    told = spun(flow, "divide")
    assert told["origin"] == f"{failed.pathspec}/divide/1"
    assert told["artifacts"] == {"items": "same", "part": "new", "scale": "same", "unit": "same"}
    run_id = told["task"].split("/")[1]
    task = Run(f"Fan/{run_id}", client=Client(flow.store))["divide"]["1"]
    assert task.data.part == 6.0
    assert task.data.scale == 6
    assert task.index == 1


def test_what_was_tried_is_no_run_of_the_flow(flow_file) -> None:
    """The latest result stays that of a whole run, and a resume goes on from one."""
    flow = flow_file(FLOW.replace("[1, 0, 4]", "[1, 4]"))
    run = flow.run()
    told = spun(flow, f"{run.id}/join")
    found = Flow("Fan", client=Client(flow.store))
    assert found.latest_run.id == found.latest_successful_run.id == run.id
    assert [known.id for known in found.runs(state="finished")] == [run.id]
    assert [known.id for known in found.runs("runtime:spin")] == [told["task"].split("/")[1]]
    assert f"resumes {run.pathspec}" in flow.call("resume")


def test_what_was_tried_is_forgotten_if_asked(flow_file) -> None:
    """Fifty tries leave nothing to look through."""
    flow = flow_file(FLOW.replace("[1, 0, 4]", "[1, 4]"))
    flow.run()
    before = list(Client(flow.store).datastore.run_ids("Fan"))
    assert "divide/0: finished" in flow.call("spin", "divide", "--no-persist")
    assert list(Client(flow.store).datastore.run_ids("Fan")) == before


def test_inputs_may_be_changed(flow_file, tmp_path) -> None:
    """For all branches of a join, or for one; and for a step with one parent."""
    flow = flow_file(FLOW.replace("[1, 0, 4]", "[1, 4]"))
    run = flow.run()
    module = tmp_path / "inputs.py"
    module.write_text("ARTIFACTS = {'part': 10, 'divide/1': {'part': 7.5}}\n")
    told = spun(flow, "join", "--artifacts-module", module)
    join = Run(f"Fan/{told['task'].split('/')[1]}", client=Client(flow.store))["join"].task
    assert (told["artifacts"]["total"], join.data.total) == ("changed", 17.5)
    module.write_text("ARTIFACTS = 3\n")
    assert "must set ARTIFACTS" in flow.call("spin", "join", "--artifacts-module", module, exit_code=2)
    assert len(run["join"]) == 1


def test_decorators_are_left_out_or_added(flow_file) -> None:
    """A retry is in the way of a debugger; a time limit may be wanted."""
    flow = flow_file(FLOW.replace("@retry(times=1, minutes_between_retries=0)", "@environment(vars={'E': 'set'})"))
    source = flow.path.read_text()
    flow.path.write_text(source.replace('print("dividing', 'import os; print("E", os.environ.get("E"), "dividing'))
    flow.run(exit_code=1)
    assert "E set dividing" in flow.call("spin", "latest/divide/0")
    assert "E None dividing" in flow.call("spin", "latest/divide/0", "--skip-decorators")
    flow.path.write_text(flow.path.read_text().replace('print("E"', 'import time; time.sleep(30); print("E"'))
    began = time.monotonic()
    limited = flow.call("spin", "latest/divide/0", "--with", "timeout:seconds=1", exit_code=1)
    assert "divide/0: failed" in limited
    assert time.monotonic() - began < 25


def test_what_cannot_be_tried_says_why(flow_file) -> None:
    """One sentence each."""
    flow = flow_file(FLOW)
    assert "no flow Fan" in flow.call("spin", "join", exit_code=2) or not flow.store.exists()
    flow.run(exit_code=1)
    assert "has come to a step 'join' yet" in flow.call("spin", "join", exit_code=2)
    assert "too many parts" in flow.call("spin", "a/b/c/d", exit_code=2)
    changed = flow.path.read_text().replace("def divide(self):", "def divide(self, inputs):")
    flow.path.write_text(changed)
    assert "error" in flow.call("spin", "divide", exit_code=2)


def test_a_debugger_opens_at_the_failing_line(flow_file) -> None:
    """The values are there to be looked at; the framework's frames are not."""
    flow = flow_file(FLOW)
    flow.run(exit_code=1)
    looked = flow.call("spin", "divide", "--pdb", exit_code=1, input="p ('scale', self.scale)\nw\nq\n")
    assert "('scale', 2)" in looked
    assert "-> self.part = self.scale / self.input" in looked
    assert "task_runner.py" not in looked
