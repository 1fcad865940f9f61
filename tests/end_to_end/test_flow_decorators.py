"""What decorates a flow, in runs: projects, exit hooks, declarations for deployers."""

import pytest

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


@pytest.mark.parametrize(
    ("options", "branch", "is_user_branch", "is_production"),
    [
        ([], "user.ada", True, False),
        (["--branch", "fix-1"], "test.fix-1", False, False),
        (["--production"], "prod", False, True),
        (["--branch", "b", "--production"], "prod.b", False, True),
    ],
)
def test_a_run_of_a_project_knows_its_branch(flow_file, options, branch, is_user_branch, is_production) -> None:
    """Runs of several people and of production must not be taken for each other."""
    flow = flow_file(PROJECT)
    isolation = ["--isolation", "spawn"] if is_user_branch else []
    flow.call(*options, "run", *isolation, environ={"FLOWSTONE_USER": "ada"})
    run = flow.latest_run()
    assert {"project:demo", f"project_branch:{branch}"} <= run.system_tags
    assert run.data.facts == {
        "project_name": "demo",
        "project_flow_name": f"demo.{branch}.Job",
        "branch_name": branch,
        "is_user_branch": is_user_branch,
        "is_production": is_production,
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
    @trigger_on_finish(flow="demo.prod.Prepare")
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
    assert declared["trigger_on_finish"]["flow"] == [{"flow": "Prepare", "project": "demo", "branch": "prod"}]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"0 3 * * ? *"', '"every day"', "@schedule, option cron: 'every day' is no cron expression"),
        ("Europe/Helsinki", "Europe/Nowhere", "is no time zone"),
        ('"alpha": "value"', '"beta": "value"', "@trigger: the event 'tuned' sets beta"),
        ("events=[", "event='x', events=[", "give event=, one, or events=, several"),
        ('flow="demo.prod.Prepare"', 'flow="not a flow"', "'not a flow' is no flow"),
        ("@schedule(cron", "@schedule(daily=False)\n    @schedule(cron", "it has @schedule twice"),
        ("@schedule(cron", "@schedule(crom", "@schedule has no option 'crom'; it has cron"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(flow_file, before, after, told) -> None:
    """Here, and not by a scheduler at three in the morning."""
    flow = flow_file(DECLARED.replace(before, after))
    import subprocess

    done = subprocess.run(flow.command("check"), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert told in done.stdout + done.stderr


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
