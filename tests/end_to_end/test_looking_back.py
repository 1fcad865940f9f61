"""What the client tells of flows that really ran."""

import json
import subprocess
import sys

import pytest
from flow_files import clean_environ

from flowstone_client import Client, DataArtifact, Flow

TRAIN = """
    class Train(FlowSpec):
        alpha = Parameter("alpha", default=0.5)

        @step
        def start(self):
            self.rows = [1, 2, 3]
            self.note = "not needed"
            self.next(self.fit, foreach="rows")

        @step
        def fit(self):
            self.score = self.input * self.alpha
            self.next(self.join)

        @step
        def join(self, inputs):
            self.best = max(i.score for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass


    if __name__ == "__main__":
        Train()
    """

PREDICT = """
    from flowstone import Flow
    from flowstone_datastore import DataAccess, record_data_access

    class Predict(FlowSpec):
        @step
        def start(self):
            record_data_access(DataAccess("read", "s3://bucket/today.csv", "etag-9", 10))
            self.model = Flow("Train").latest_successful_run.data.best
            self.next(self.end)

        @step
        def end(self):
            self.prediction = self.model + 1


    if __name__ == "__main__":
        Predict()
    """


def test_the_lineage_of_a_value_crosses_flows(flow_file):
    """A prediction leads to the model's training, with all that went into it, also in another store."""
    train, predict = flow_file(TRAIN, "train.py"), flow_file(PREDICT, "predict.py")
    store = train.path.parent / "elsewhere"
    train.call("--store", store, "run")
    predict.call("--store", store, "run")
    client = Client(store)
    (run,) = Flow("Predict", client=client)
    train_id = Flow("Train", client=client).latest_run.id
    lineage = DataArtifact(f"{run.pathspec}/end/0/prediction", client=client).lineage()
    names = {node_id.replace(f"{train_id}/", "").replace(f"{run.id}/", "") for node_id in lineage.nodes}
    assert names == {
        "Predict/end/0/prediction",
        "Predict/end/0",
        "Predict/start/0/model",
        "Predict/start/0",
        "s3://bucket/today.csv",
        "Train/join/0/best",
        "Train/join/0",
        *(f"Train/fit/{index}/score" for index in range(3)),
        *(f"Train/fit/{index}" for index in range(3)),
        "Train/_parameters/0/alpha",
        "Train/start/0/_foreach_items_start",
        "Train/start/0",
    }
    fit = lineage.nodes[f"Train/{train_id}/fit/0"]
    assert fit.facts["file"] == "train.py"
    lines = train.path.read_text().splitlines()
    assert "fit" in lines[fit.facts["line"] - 1] + lines[fit.facts["line"]]


def test_steps_look_at_other_runs_in_the_namespace_of_their_run(flow_file) -> None:
    """Whose results a step builds upon is said once, for the run."""
    source = """
        from flowstone import Flow

        class Peek(FlowSpec):
            @step
            def start(self):
                self.seen = len(list(Flow("Peek")))
                self.namespace = current.namespace
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Peek()
    """
    flow = flow_file(source)
    flow.call("run", environ={"FLOWSTONE_USER": "bob"})
    seen = {}
    for namespace in (None, "user:bob", ""):
        words = [] if namespace is None else ["--namespace", namespace]
        flow.call("run", *words, environ={"FLOWSTONE_USER": "ada"})
        data = flow.latest_run().data
        seen[namespace] = (data.seen, data.namespace)
    assert seen == {None: (1, "user:ada"), "user:bob": (1, "user:bob"), "": (4, None)}


FAILING = """
    import helper

    class Failing(FlowSpec):
        alpha = Parameter("alpha", default=0.5)

        @step
        def start(self):
            self.rows = [1, 2, 0]
            self.next(self.fit, foreach="rows")

        @step
        def fit(self):
            self.halves = helper.half(self.input)
            print("dividing by", self.input)
            self.result = 1 / self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.result for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass


    if __name__ == "__main__":
        Failing()
    """


@pytest.fixture
def failed(flow_file):
    """A run that failed in one of three tasks, whose code has changed since."""
    flow = flow_file(FAILING)
    helper = flow.path.parent / "helper.py"
    helper.write_text("def half(x):\n    return x / 2\n")
    run = flow.run("--keep-going", exit_code=1)
    flow.path.write_text("raise SystemExit('not this one')\n")
    helper.unlink()
    return run


def program(run, *arguments: str, given: str = "", exit_code: int = 0) -> str:
    """What the `flowstone` program says, fed with lines for its prompt."""
    argv = [sys.executable, "-m", "flowstone", "--store", run._datastore.url, *arguments]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env=clean_environ())
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_failed_task_can_be_entered(failed):
    """Its code, its inputs and `self` are as they were, whatever has become of the files."""
    lines = [
        "print('left:', self.halves, self.rows, self.alpha, self.input, self.index)",
        "print('found:', hasattr(start, 'halves'), start.rows)",
        "print('task:', task.exception.line, helper.half(9))",
        "again()",
        "print('still here')",
    ]
    said = program(failed, "debug", f"{failed.pathspec}/fit/2", given="\n".join(lines) + "\n")
    assert f"{failed.pathspec}/fit/2, attempt 0, failed: ZeroDivisionError at " in said
    assert "left: 0.0 [1, 2, 0] 0.5 0 2" in said
    assert "found: False [1, 2, 0]" in said
    assert "task: 17 4.5" in said or "task: 18 4.5" in said
    assert "dividing by 0" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "still here" in said


def test_a_finished_task_can_be_entered_too(failed):
    """What was right is as interesting as what was wrong."""
    said = program(failed, "debug", f"{failed.pathspec}/fit/0", given="print('left:', self.result)\n")
    assert "left: 1.0" in said


def test_the_debugger_stops_at_the_failing_line(failed):
    """With the step's own variables."""
    said = program(failed, "debug", "--pdb", f"{failed.pathspec}/fit/2", given="p self.input\nq\n")
    assert "-> self.result = 1 / self.input" in said
    assert "(Pdb) 0\n" in said


def test_a_step_that_does_not_fail_again_says_so(failed):
    """It may have failed for a reason outside of it."""
    said = program(failed, "debug", "--pdb", f"{failed.pathspec}/fit/0")
    assert "the step has run to its end and did not fail" in said


def test_a_join_has_its_inputs(flow_file):
    """In their order."""
    train = flow_file(TRAIN, "train.py")
    run = train.run()
    said = program(run, "debug", f"{run.pathspec}/join/0", given="print([i.score for i in inputs], self.best)\n")
    assert "[0.5, 1.0, 1.5] 1.5" in said


def test_nothing_of_a_debugging_session_is_stored(failed):
    """One may try out what one likes."""
    journal = failed._datastore.journal(failed.flow_name, failed.id)
    before = [(ref, record) for ref, record in journal.records()]
    program(failed, "debug", f"{failed.pathspec}/fit/2", given="self.halves = 7\nstart.x = 1\n")
    assert journal.records() == before


def test_a_kernel_can_be_entered_from_a_notebook(failed):
    """`self` is there as at the prompt."""
    client_module = pytest.importorskip("jupyter_client")
    pytest.importorskip("ipykernel")
    argv = [sys.executable, "-m", "flowstone", "--store", failed._datastore.url, "debug", "--notebook"]
    argv.append(f"{failed.pathspec}/fit/2")
    kernel = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environ()
    )
    try:
        line = next(text for text in kernel.stdout if "--existing" in text)
        file = line.split("--existing")[1].strip()
        client = client_module.BlockingKernelClient(connection_file=client_module.find_connection_file(file))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        outputs = []
        client.execute_interactive("print(self.halves, self.rows)", timeout=60, output_hook=outputs.append)
        assert "0.0 [1, 2, 0]\n" in [message["content"].get("text") for message in outputs]
        client.shutdown()
        client.stop_channels()
        assert kernel.wait(timeout=60) == 0
    finally:
        kernel.kill()
        kernel.wait()
        kernel.stdout.close()


def test_two_runs_are_compared_on_the_command_line(flow_file):
    """Code, parameters, values and times, for people and for programs."""
    train = flow_file(TRAIN, "train.py")
    first = train.run()
    train.path.write_text(train.path.read_text().replace('"not needed"', '"needed"'))
    second = train.run("--alpha", "2.0")
    said = program(first, "diff", first.pathspec, second.pathspec)
    assert f"{first.pathspec} (finished)  ->  {second.pathspec} (finished)" in said
    assert '+        self.note = "needed"' in said or '+            self.note = "needed"' in said
    assert "  alpha: 0.5 -> 2.0\n" in said
    assert "environment: the same\n" in said
    assert "  score: 0.5 -> 2.0  (from fit/0 on, in 3 tasks)\n" in said
    assert "  best: 1.5 -> 6.0  (from join/0 on, in 2 tasks)\n" in said
    found = json.loads(program(first, "diff", "--json", first.pathspec, second.pathspec))
    assert [item["name"] for item in found["artifacts"]] == ["note", "score", "best"]
    said = program(first, "diff", first.pathspec, "Train/nothing", exit_code=2)
    assert "no run Train/nothing" in said
