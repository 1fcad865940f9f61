"""Resume: what an older run did stands, unless something speaks against it."""

import time

import pytest

from flowstone_datastore import Datastore
from flowstone_datastore.retention import KeepRules

TRAIN = """
    import pathlib

    HERE = pathlib.Path(__file__).parent

    def note(what):
        with open(HERE / "ran.txt", "a") as file:
            file.write(what + "\\n")

    class Train(FlowSpec):
        alpha = Parameter("alpha", default=1)
        beta = Parameter("beta", default=1)
        breaks = Parameter("breaks", default=False)

        @step
        def start(self):
            note("start")
            self.items = [0, 1, 2]
            self.next(self.fit, foreach="items")

        @step
        def fit(self):
            note(f"fit {self.index}")
            self.score = self.input * (self.alpha if self.index == 1 else 1)
            self.next(self.join)

        @step
        def join(self, inputs):
            note("join")
            self.scores = [i.score for i in inputs]
            self.next(self.report)

        @step
        def report(self):
            note("report")
            if self.breaks:
                raise RuntimeError("asked to")
            self.text = f"{self.scores} {self.beta}"
            self.next(self.end)

        @step
        def end(self):
            note("end")

    if __name__ == "__main__":
        Train()
"""


@pytest.fixture
def train(flow_file):
    return flow_file(TRAIN)


def ran(flow) -> list[str]:
    """What ran since this was asked last."""
    file = flow.path.parent / "ran.txt"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    file.unlink(missing_ok=True)
    return sorted(lines)


def test_what_finished_is_taken_over_and_the_rest_runs(train) -> None:
    """The reason to resume: nothing is computed twice."""
    failed = train.run("--breaks", "true", exit_code=1)
    ran(train)
    train.call("resume", "--breaks", "false")
    assert ran(train) == ["end", "report"]
    run = train.latest_run()
    assert run.id != failed.id
    assert run.summary.started.origin_run == failed.id
    assert run.data.text == "[0, 1, 2] 1"
    fit = run["fit"]["1"]
    assert fit.data.score == 1
    assert fit.parent_task_pathspecs == (f"Train/{run.id}/start/0",)
    assert fit.index == 1
    assert fit.origin_pathspec == f"Train/{failed.id}/fit/1"
    assert run["report"].task.origin_pathspec is None


def test_output_of_a_task_that_was_taken_over_is_still_there(flow_file) -> None:
    """People look for what a task printed, not for which run it printed it in."""
    flow = flow_file(TRAIN.replace('note("join")', 'print("joined", len(list(inputs)))'))
    flow.run("--breaks", "true", exit_code=1)
    flow.call("resume", "--breaks", "false")
    assert flow.latest_run()["join"].task.stdout == "joined 3\n"
    assert "joined 3" in flow.call("logs", "latest/join")


def test_a_changed_parameter_runs_again_what_read_it_and_what_follows(train) -> None:
    """And nothing else: one item of the foreach read alpha, the others did not."""
    train.run()
    ran(train)
    train.call("resume", "--alpha", 10)
    assert ran(train) == ["end", "fit 1", "join", "report"]
    assert train.latest_run().data.text == "[0, 10, 2] 1"
    train.call("resume", "--beta", 5)
    assert ran(train) == ["end", "report"]
    run = train.latest_run()
    assert run.data.text == "[0, 10, 2] 5", "alpha is that of the run that was resumed"
    assert run.parameters.alpha == 10


def test_the_same_value_is_no_change(train) -> None:
    """What counts is the content."""
    train.run("--alpha", 3)
    ran(train)
    train.call("resume", "--alpha", 3)
    assert ran(train) == []
    assert train.latest_run().successful


def test_a_step_that_is_named_runs_again_with_all_that_follows(train) -> None:
    """Its code may have changed, which nothing else tells."""
    train.run()
    ran(train)
    train.call("resume", "join")
    assert ran(train) == ["end", "join", "report"]


def test_code_that_changed_is_told_where_old_results_stand(flow_file, tmp_path) -> None:
    """Only the person who changed it knows whether they still count."""
    (tmp_path / "helpers.py").write_text("ONE = 1\n")
    source = TRAIN.replace("import pathlib", "import pathlib, helpers", 1)
    flow_file(source).run("--breaks", "true", exit_code=1)
    (tmp_path / "helpers.py").write_text("ONE = 2\n")
    changed = source.replace('note("join")', 'note("the new join")')
    output = flow_file(changed).call("resume", "--breaks", "false")
    assert "changed since then: helpers.py; name a step to run it again" in output
    assert "join: 1 task taken over; its code has changed since: `resume join` would run it again" in output
    assert "fit: 3 tasks taken over\n" in output


def test_a_resume_of_a_resume_goes_on_from_the_latest(train) -> None:
    """Not from the first, as if the second had never been."""
    first = train.run("--breaks", "true", exit_code=1)
    train.call("resume", "fit", exit_code=1)
    second = train.latest_run()
    ran(train)
    train.call("resume", "--breaks", "false")
    assert ran(train) == ["end", "report"]
    run = train.latest_run()
    assert run.summary.started.origin_run == second.id
    assert run["fit"]["0"].origin_pathspec == f"Train/{second.id}/fit/0"
    assert run["start"].task.origin_pathspec == f"Train/{first.id}/start/0", "where it really ran"
    train.call("resume", "--origin-run-id", first.id, "--breaks", "false")
    assert train.latest_run().summary.started.origin_run == first.id


def test_a_graph_that_changed_runs_again_from_the_change(flow_file) -> None:
    """An old result that leads nowhere in the new graph cannot stand."""
    flow = flow_file(TRAIN)
    flow.run()
    ran(flow)
    changed = TRAIN.replace("self.next(self.report)", "self.next(self.check)").replace(
        "        @step\n        def report", "        @step\n        def check(self):\n            note('check')\n"
        "            self.next(self.report)\n\n        @step\n        def report", 1
    )  # fmt: skip
    flow_file(changed).call("resume")
    assert ran(flow) == ["check", "end", "join", "report"]


def test_a_foreach_without_items_and_a_loop_are_taken_over(flow_file) -> None:
    """The shapes whose tasks have no parents, or several of one step."""
    flow = flow_file("""
        class Shapes(FlowSpec):
            fails = Parameter("fails", default=False)

            @step
            def start(self):
                self.items = []
                self.next(self.never, foreach="items")

            @step
            def never(self):
                self.next(self.join)

            @step
            def join(self, inputs):
                self.count = 3
                self.next(self.loop)

            @step
            def loop(self):
                self.count -= 1
                self.again = self.count > 0
                self.next({True: self.loop, False: self.end}, condition="again")

            @step
            def end(self):
                if self.fails:
                    raise RuntimeError

        if __name__ == "__main__":
            Shapes()
    """)
    flow.run("--fails", "true", exit_code=1)
    output = flow.call("resume", "--fails", "false")
    assert "loop: 3 tasks taken over" in output
    assert "end: started" in output
    assert [task.id for task in flow.latest_run()["loop"].tasks()] == ["0", "0.1", "0.2"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["resume"], "there is no flowstone store"),
        (["resume", "--origin-run-id", "nope"], "there is no flowstone store"),
    ],
)
def test_resume_where_nothing_ran_says_so_and_makes_no_store(train, words, sentence) -> None:
    """A new empty store would be litter."""
    assert "error: " in train.call(*words, exit_code=2)
    assert not train.store.exists()


def test_resume_says_what_is_wrong_with_what_it_was_given(train) -> None:
    """Before anything runs."""
    train.run()
    ran(train)
    assert "there is no run 'nope' of Train" in train.call("resume", "--origin-run-id", "nope", exit_code=2)
    assert "the flow Train has no step 'fitt'; did you mean 'fit'?" in train.call("resume", "fitt", exit_code=2)
    assert ran(train) == []


def test_a_run_that_still_runs_is_not_resumed(flow_file) -> None:
    """Half of it would be taken over, and half done twice."""
    flow = flow_file(TRAIN.replace('note("report")', "import time; print('waiting', flush=True); time.sleep(60)"))
    with flow.start("run") as process:
        assert any("waiting" in line for line in process.stdout)
        assert "that has ended and could be resumed" in flow.call("resume", exit_code=2)
        running = flow.latest_run()
        assert "is still running" in flow.call("resume", "--origin-run-id", running.id, exit_code=2)
        process.kill()


def test_collection_keeps_what_a_resumed_run_needs(train) -> None:
    """The origin may go, and its log with it; what the newer run took over stays."""
    train.run("--breaks", "true", exit_code=1)
    train.call("resume", "--breaks", "false")
    store = Datastore.open(train.store)
    report = store.collect(KeepRules(keep_last=1), time.time() + 1e6, grace_seconds=0.0)
    assert len(report.done.runs) == 1
    run = train.latest_run()
    assert run["join"].task.data.scores == [0, 1, 2]
    assert run["join"].task.stdout == ""
