"""What decorates a flow, in runs: projects, exit hooks, declarations for deployers."""

import textwrap

import pytest

from flowstone import Client, Flow

PROJECT = """
    from flowstone import project

    @project(name="demo")
    class Job(FlowSpec):
        @step
        def start(self):
            self.facts = {name: getattr(current, name) for name in (
                "project_name", "project_flow_name", "branch_name", "is_user_branch", "is_production")}
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Job()
"""


def test_a_run_of_a_project_knows_its_branch(flow_file) -> None:
    """Runs of several people and of production must not be taken for each other; in a new interpreter, too."""
    flow = flow_file(PROJECT)
    flow.call("--branch", "b", "--production", "run", "--isolation", "spawn", environ={"FLOWSTONE_USER": "ada"})
    run = flow.latest_run()
    assert {"project:demo", "project_branch:prod.b"} <= run.system_tags
    assert run.data.facts == {
        "project_name": "demo",
        "project_flow_name": "demo.prod.b.Job",
        "branch_name": "prod.b",
        "is_user_branch": False,
        "is_production": True,
    }


def test_a_branch_is_asked_for_only_where_there_is_a_project(flow_file) -> None:
    """And it stands before the command, which is said."""
    flow = flow_file(PROJECT.replace('@project(name="demo")', ""))
    assert "No such option" in flow.call("--branch", "b", "run", exit_code=2)
    flow = flow_file(PROJECT)
    assert "--branch stands before the command" in flow.call("run", "--branch", "b", exit_code=2)
    assert "is no name of a branch" in flow.call("--branch", "a b", "run", exit_code=2)


HOOKS = """
    import os, sys
    from flowstone import exit_hook

    def tell(run):
        print("told of", run.id, run.state.value, sorted(step.id for step in run.steps()))

    def complain():
        print("it went wrong", file=sys.stderr)
        raise LookupError("nobody to complain to")

    def crash():
        os._exit(3)

    @exit_hook(on_success=[tell], on_error=[complain, crash, tell])
    @exit_hook(on_success=[complain])
    class Hooked(FlowSpec):
        fails = Parameter("fails", default=False)

        @step
        def start(self):
            if self.fails:
                raise ValueError("as asked")
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Hooked()
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_hooks_are_called_when_a_run_has_finished(flow_file, isolation) -> None:
    """Each with the run as it ended; what one does wrong is told and changes nothing, also not the exit code."""
    flow = flow_file(HOOKS)
    output = flow.call("run", "--isolation", isolation)
    run = flow.latest_run()
    assert run.successful
    assert not run.failed_tasks
    assert [step.id for step in run.steps()] == ["start", "end"]
    assert f"told of {run.id} finished ['end', 'start']" in output
    assert "the exit hook complain failed: nobody to complain to" in output
    first, second = run["_exit_hook"].tasks()
    if isolation != "none":
        assert first.stdout.startswith(f"told of {run.id}")
        assert "it went wrong" in second.stderr
    assert second.exception.message == "nobody to complain to"


def test_hooks_are_called_when_a_run_has_failed(flow_file) -> None:
    """A hook that fails, and one that crashes, keep no other from being called; the run's failure stays."""
    flow = flow_file(HOOKS)
    output = flow.call("run", "--fails", "true", exit_code=1)
    run = flow.latest_run()
    assert [task.pathspec for task in run.failed_tasks] == [f"{run.pathspec}/start/0"]
    assert "the exit hook crash failed: its process ended with exit code 3" in output
    assert f"told of {run.id} failed ['start']" in output
    flow.call("resume", "--fails", "false")
    assert flow.latest_run().successful


def test_a_hook_can_be_stopped(flow_file) -> None:
    """Nobody should have to wait for a message that cannot be sent."""
    waiting = 'print("waiting", flush=True)\n        __import__("time").sleep(600)\n        print("told of"'
    flow = flow_file(HOOKS.replace('print("told of"', waiting))
    with flow.start("run") as process:
        assert any("waiting" in line for line in process.stdout)
        process.terminate()
        process.stdout.read()
    assert process.returncode == 0, "the run itself has finished"


DECLARED = """
    from flowstone import Config, schedule, trigger, trigger_on_finish

    def prepared(context):
        return "Prepare" + context.user_name

    class Base(FlowSpec):
        cfg = Config("cfg", default_value={"cron": "0 3 * * ? *"})
        alpha = Parameter("alpha", default=1)

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    @schedule(cron=Base.cfg.cron, timezone="Europe/Helsinki")
    @trigger(events=["new_data", {"name": "tuned", "parameters": {"alpha": "value"}}])
    @trigger_on_finish(flows=["demo.prod.Prepare", prepared])
    class Declared(Base):
        pass

    if __name__ == "__main__":
        Declared()
"""


def test_declarations_are_stored_with_the_graph(flow_file) -> None:
    """A deployer reads them there, with the values of configs, and without the flow's code."""
    run = flow_file(DECLARED).run()
    declared = {each["name"]: each["options"] for each in run.summary.started.graph["decorators"]}
    assert declared["schedule"] == {"cron": "0 3 * * ? *", "timezone": "Europe/Helsinki"}
    assert declared["trigger"]["events"][1] == {"name": "tuned", "parameters": {"alpha": "value"}}
    assert declared["trigger_on_finish"]["flows"] == [
        {"flow": "Prepare", "project": "demo", "branch": "prod"},
        {"declared": "__main__.prepared"},
    ]


OWNERS = """
    from typing import ClassVar

    import attrs
    from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowOption, declares

    @attrs.frozen(kw_only=True)
    class Owner(FlowDecorator):
        name: ClassVar[str] = "owner"
        takes: ClassVar[tuple[FlowOption, ...]] = (FlowOption("on-call", "Who is called at night."),)
        team: str

        def check(self, flow, graph):
            return None if self.team in ("red", "blue") else f"there is no team {self.team!r}"

        def facts(self, start):
            who = start.options.get("on_call")
            return FlowFacts(system_tags=(f"team:{self.team}",), current={"team": self.team, "on_call": who})

    owner = declares(Owner)
"""

OWNED = """
    from flowstone import FlowMutator, project
    from owners import owner

    class Elsewhere(FlowMutator):
        def pre_mutate(self, mutable_flow):
            mutable_flow.add_decorator("owner", deco_kwargs={"team": "red"}, duplicates=mutable_flow.OVERRIDE)

    @owner(team="blue")
    class Owned(FlowSpec):
        @step
        def start(self):
            self.seen = (current.team, current.on_call)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Owned()
"""


def test_a_strangers_decorator_does_all_that_ours_do(flow_file, tmp_path) -> None:
    """Options before the command, a check, tags, fields of `current`; a mutator names it by its entry point."""
    site = tmp_path / "site"
    info = site / "owners-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: owners\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowstone.decorators]\nowner = owners:owner\n")
    (site / "owners.py").write_text(textwrap.dedent(OWNERS))
    environ = {"PYTHONPATH": str(site)}
    flow = flow_file(OWNED)
    flow.call("--on-call", "ann", "run", environ=environ)
    run = flow.latest_run()
    assert run.data.seen == ("blue", "ann")
    assert "team:blue" in run.system_tags
    assert run.summary.started.graph["decorators"] == [{"name": "owner", "options": {"team": "blue"}}]
    source = flow.path.read_text()
    flow.path.write_text(source.replace("@owner(", "@Elsewhere\n@owner("))
    assert '"team": "red"' in flow.call("show", "--json", environ=environ)
    flow.path.write_text(source.replace('team="blue"', 'team="green"'))
    assert "@owner: there is no team 'green'" in flow.call("check", environ=environ, exit_code=2)


CURRENT = """
    class Facts(FlowSpec):
        @step
        def start(self):
            from pathlib import Path
            self.folder = current.tempdir
            Path(current.tempdir, "file").write_text("x")
            self.seen = (current.run.pathspec, current.run.state.value, current.task.pathspec == current.pathspec)
            self.steps = [node["name"] for node in current.graph["nodes"]]
            self.tags = sorted(current.tags)
            assert current.trigger is None and current.is_running_flow and not current.is_parallel
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Facts()
"""


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_current_knows_the_run_and_its_task(flow_file, isolation) -> None:
    """Steps can look at what has finished, say who they are, and leave no files behind."""
    run = flow_file(CURRENT).run("--tag", "mine", "--isolation", isolation)
    assert run.data.seen == (run.pathspec, "running", True)
    assert run.data.steps == ["start", "end"]
    assert run.data.tags == ["mine"]
    from pathlib import Path

    assert not Path(run.data.folder).exists()
    assert {tag.partition(":")[0] for tag in run.system_tags} == {
        "user", "runtime", "python_version", "flowstone_version"
    }  # fmt: skip


UPSTREAM = """
    class Train(FlowSpec):
        @step
        def start(self):
            self.model = "linear"
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Train()
"""

DOWNSTREAM = """
    from flowstone import current, trigger_on_finish

    @trigger_on_finish(flow="Train")
    class Serve(FlowSpec):
        fails = Parameter("fails", default=False)

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            assert not self.fails
            self.model = current.trigger.run.data.model if current.trigger else "none"
            self.same = current.trigger and current.trigger["Train"] == current.trigger.runs[0]

    if __name__ == "__main__":
        Serve()
"""


def latest_serving(flow):
    return Flow("Serve", client=Client(flow.store)).latest_run


def test_a_run_can_be_started_as_if_another_had_just_finished(flow_file) -> None:
    """What only happens in production can be tried before; a resumed run knows it, too."""
    first = flow_file(UPSTREAM, "train.py").run()
    serve = flow_file(DOWNSTREAM, "serve.py")
    serve.call("run")
    assert latest_serving(serve).data.model == "none"
    assert latest_serving(serve).trigger is None
    serve.call("--trigger", first.pathspec, "run", "--fails", "true", exit_code=1)
    serve.call("resume", "--fails", "false")
    run = latest_serving(serve)
    assert (run.data.model, run.data.same) == ("linear", True)
    assert run.trigger.run == first
    assert run.trigger.event.id == first.pathspec
    assert run.trigger.event.timestamp == first.finished_at
    assert [key for key in ("Train", "Serve") if key in run.trigger] == ["Train"]


def test_a_trigger_that_cannot_have_been_is_refused(flow_file) -> None:
    """Before anything runs."""
    train = flow_file(UPSTREAM, "train.py").run().pathspec
    serve = flow_file(DOWNSTREAM, "serve.py")
    serve.call("--trigger", train, "run")
    own = latest_serving(serve).pathspec
    said = {
        "Train/0": "--trigger 'Train/0':",
        "Train": "--trigger 'Train':",
        own: "waits for Train, not",
    }
    for given, sentence in said.items():
        assert sentence in serve.call("--trigger", given, "run", exit_code=2)
    assert latest_serving(serve).pathspec == own
