"""Decorators and mutators that users write, in flows that run."""

import textwrap

import pytest
from flow_files import FlowFile

MINE = """
    import time
    from flowstone import USER_SKIP_STEP, FlowMutator, Parameter, StepMutator, UserStepDecorator
    from flowstone import retry, user_step_decorator

    def note(flow, text):
        flow.notes = [*getattr(flow, "notes", []), text]

    @user_step_decorator
    def noted(step_name, flow, inputs, attributes):
        note(flow, f"before {attributes['as_']}")
        yield
        note(flow, f"after {attributes['as_']}")

    class counted(UserStepDecorator):
        def init(self, start=0):
            self.count = start

        def pre_step(self, step_name, flow, inputs=None):
            self.count += 1
            note(flow, f"pre {step_name} {self.count}")

        def post_step(self, step_name, flow, exception=None):
            note(flow, f"post {step_name} {self.count}")
            return exception

    @user_step_decorator
    def forgiving(step_name, flow, inputs):
        try:
            yield
        except ValueError as error:
            flow.forgiven = str(error)

    @user_step_decorator
    def skipping(step_name, flow, inputs, attributes):
        for name, value in attributes.get("set", {}).items():
            setattr(flow, name, value)
        yield attributes.get("next", USER_SKIP_STEP)

    @user_step_decorator
    def replacing(step_name, flow, inputs):
        def instead(flow, inputs):
            flow.instead = None if inputs is None else [i.item for i in inputs]
            return True
        yield instead

    @user_step_decorator
    def failing(step_name, flow, inputs):
        yield
        raise KeyError("after the step")

    @user_step_decorator
    def twice(step_name, flow, inputs):
        yield
        yield

    class Careful(StepMutator):
        def init(self, times=1):
            self.times = times

        def mutate(self, mutable_step):
            assert not mutable_step.has_decorator("retry")
            mutable_step.add_decorator(retry, deco_kwargs={"times": self.times, "minutes_between_retries": 0})

    class Shaped(FlowMutator):
        def init(self, extra=0):
            self.extra = extra

        def pre_mutate(self, mutable_flow):
            mutable_flow.add_parameter("extra", Parameter("extra", default=self.extra))
            mutable_flow.remove_parameter("unwanted")
            assert [name for name, _ in mutable_flow.parameters] == ["extra"]

        def mutate(self, mutable_flow):
            for name, step in mutable_flow.steps:
                if name != "end":
                    step.add_decorator("mine.noted:as_=mutated", duplicates=step.OVERRIDE)
"""


@pytest.fixture
def user_flow(flow_file, tmp_path):
    def write(source: str) -> FlowFile:
        flow = flow_file("    from mine import *\n" + source)
        (flow.path.parent / "mine.py").write_text(textwrap.dedent(MINE))
        return flow

    return write


LINEAR = """
    class Linear(FlowSpec):
        DECORATORS
        @step
        def start(self):
            note(self, "step")
            BODY
            self.next(self.end)

        @step
        def end(self):
            print("notes", getattr(self, "notes", None))

    if __name__ == "__main__":
        Linear()
"""


def linear(decorators: str, body: str = "pass") -> str:
    return LINEAR.replace("DECORATORS", decorators).replace("BODY", body)


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_the_first_that_is_written_is_the_outermost(user_flow, isolation) -> None:
    """Before the step from outside in, after it from inside out; each attempt has decorators of its own."""
    flow = user_flow(linear('@noted(as_="outer")\n        @counted(4)\n        @noted(as_="inner")'))
    inner = ["before outer", "pre start 5", "before inner", "step", "after inner", "post start 5", "after outer"]
    assert flow.run("--isolation", isolation).data.notes == inner


def test_a_class_decorates_without_parentheses_too(user_flow) -> None:
    """`@counted` and `@counted()` mean the same."""
    flow = user_flow(linear("@counted"))
    assert flow.run().data.notes == ["pre start 1", "step", "post start 1"]


def test_an_error_that_a_decorator_catches_is_over(user_flow) -> None:
    """The step succeeds, with what it had set, and goes on as it is written."""
    run = user_flow(linear("@forgiving", "raise ValueError('never mind')")).run()
    assert run.data.forgiven == "never mind"
    assert run.data.notes == ["step"]


def test_the_decorators_of_flowstone_are_outside_of_the_users(user_flow) -> None:
    """What a user's decorator raises is tried again and caught, wherever it is written."""
    caught = '@catch(var="caught", print_exception=False)'
    decorators = f"@failing\n        {caught}\n        @retry(times=1, minutes_between_retries=0)"
    run = user_flow(linear(decorators)).run()
    assert run["start"].task.current_attempt == 1
    assert run.data.caught.type == "KeyError"


def test_what_a_decorator_raises_is_told_with_the_users_frames(user_flow) -> None:
    """Nobody should read through the insides of flowstone to find a line of their own."""
    output = user_flow(linear("@failing")).call("run", exit_code=1)
    assert 'raise KeyError("after the step")' in output
    assert "flowstone_runtime" not in output


def test_a_decorator_that_yields_twice_says_so(user_flow) -> None:
    """The second half would silently not run."""
    assert "@twice yields twice" in user_flow(linear("@twice")).call("run", exit_code=1)


def test_a_skipped_step_goes_on_where_it_leads(user_flow) -> None:
    """With what was there before and what the decorator set."""
    run = user_flow(linear('@skipping(set={"notes": ["skipped"]})')).run()
    assert run.data.notes == ["skipped"]


WAYS = """
    class Ways(FlowSpec):
        @skipping(set={"others": [7, 8], "items": [1]}, next={"foreach": "others"})
        @step
        def start(self):
            self.items = [1, 2, 3]
            self.next(self.each, foreach="items")

        @step
        def each(self):
            self.item = self.input
            self.next(self.join)

        @replacing
        @step
        def join(self, inputs):
            raise AssertionError("replaced")
            self.next(self.choose)

        @skipping(set={"way": "right"}, next={"condition": "way"})
        @step
        def choose(self):
            self.kind = "left"
            self.next({"left": self.left, "right": self.right}, condition="kind")

        @step
        def left(self):
            self.next(self.end)

        @step
        def right(self):
            self.went = "right"
            self.next(self.gang, num_parallel=3)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Ways()
""".replace("self.next(self.gang, num_parallel=3)", "self.next(self.end)")


def test_what_is_skipped_may_go_another_way(user_flow) -> None:
    """A foreach over something else, a switch by another artifact; a join is replaced with its inputs."""
    run = user_flow(WAYS).run()
    assert run.data.instead == [7, 8]
    assert run.data.went == "right"


def test_a_way_that_the_step_does_not_have_is_refused(user_flow) -> None:
    """A linear step has no foreach to change."""
    output = user_flow(linear('@skipping(next={"foreach": "notes"})')).call("run", exit_code=1)
    assert "foreach='notes' is given for it, where nothing can be changed" in output


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("mine.noted:as_=x", ["before x", "step", "after x"]),
        ("mine.counted", ["pre start 1", "step", "post start 1"]),
        ("mine.counted:start=2", ["pre start 3", "step", "post start 3"]),
    ],
)
def test_the_command_line_adds_the_users_decorators(user_flow, added, expected) -> None:
    """By module and name, as flowstone's own by name; in a new interpreter, too."""
    run = user_flow(linear("")).run("--with", added, "--isolation", "spawn" if ":as_" in added else "fork")
    assert run["start"].task.data.notes == expected


def test_the_command_line_adds_mutators(user_flow) -> None:
    """All of a mutator is called, though the configs were read before it was known."""
    flow = user_flow(linear("", "if current.retry_count < 2: raise ValueError"))
    assert flow.run("--with", "mine.Careful:times=2")["start"].task.current_attempt == 2


def test_a_step_mutator_changes_its_step_only(user_flow) -> None:
    """The other steps are as they are written."""
    flow = user_flow(linear("@Careful(3)", "if current.retry_count < 2: raise ValueError"))
    assert flow.run()["start"].task.current_attempt == 2


SHAPED = """
    class Base(FlowSpec):
        unwanted = Parameter("unwanted", default=1)

        @noted(as_="written")
        @step
        def start(self):
            self.known = [name for name in current.parameter_names]
            self.next(self.end)

        @step
        def end(self):
            pass

    @Shaped(extra=5)
    class Small(Base):
        pass

    if __name__ == "__main__":
        Small()
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_a_flow_mutator_changes_parameters_and_steps(user_flow, isolation) -> None:
    """The command line asks for what the mutator says, and inherited steps are changed for this flow."""
    flow = user_flow(SHAPED)
    shown = flow.call("run", "--help")
    assert "--extra" in shown
    assert "--unwanted" not in shown
    run = flow.run("--extra", "8", "--isolation", isolation)
    assert run.parameters.extra == 8
    assert run.data.known == ["extra"]
    assert run.data.notes == ["before mutated", "after mutated"]


def test_the_class_that_a_mutated_flow_inherits_from_is_as_it_was(user_flow) -> None:
    """Mutators are of one class and of those that inherit it."""
    flow = user_flow(SHAPED.replace("Small()\n", "Base()\n"))
    assert flow.run().data.notes == ["before written", "after written"]


CONFIGURED = """
    from flowstone import Config

    class Sized(FlowMutator):
        def pre_mutate(self, mutable_flow):
            assert dict(mutable_flow.configs)["cfg"].tries == mutable_flow.cfg.tries
            mutable_flow.start.add_decorator("retry", deco_kwargs={"times": mutable_flow.cfg.tries,
                                                                   "minutes_between_retries": 0})

    @Sized
    class Configured(FlowSpec):
        cfg = Config("cfg", default_value={"tries": 1, "word": "hello"})

        @noted(as_=cfg.word)
        @step
        def start(self):
            if current.retry_count < self.cfg.tries:
                raise ValueError
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Configured()
"""


def test_mutators_and_decorators_see_the_configs(user_flow) -> None:
    """A flow can be shaped by a file; a resumed run by that of the first."""
    flow = user_flow(CONFIGURED)
    flow.call("--config-value", "cfg", '{"tries": 2, "word": "hi"}', "run")
    run = flow.latest_run()
    assert run["start"].task.current_attempt == 2
    assert run.data.notes == ["before hi", "after hi"]
    flow.call("resume", "start")
    assert flow.latest_run()["start"].task.current_attempt == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (linear("@counted(1, 2)"), "@counted: its init does not take these arguments"),
        (linear("@noted(1, as_=2)"), "does not take these arguments"),
        (linear("@Careful(times=1, other=2)"), "@Careful: its init does not take these arguments"),
        (SHAPED.replace("@Shaped(extra=5)", "@Careful()"), "@Careful decorates a step, not the class Small"),
        (SHAPED.replace("@Shaped(extra=5)", "@retry"), "@retry decorates steps, not the class Small"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(user_flow, change, told) -> None:
    """One sentence with the name of the decorator."""
    output = user_flow(change).call("check", exit_code=2 if "Small" not in told else 1)
    assert told in output


def test_the_modules_of_decorators_are_in_the_runs_code(user_flow) -> None:
    """What ran can be looked at; also where only `--with` names it."""
    flow = user_flow(linear("").replace("note(self, ", "print("))
    flow.path.write_text(flow.path.read_text().replace("from mine import *", ""))
    run = flow.run("--with", "mine.Careful")
    assert "mine.py" in run.code


OF_A_PROJECT = """
    class InAProject(FlowMutator):
        def pre_mutate(self, mutable_flow):
            mutable_flow.add_decorator("project", deco_kwargs={"name": "demo"})

    @InAProject
    @Shaped
    class Late(FlowSpec):
        @step
        def start(self):
            self.place = current.get("branch_name")
            self.doubled = 2 * self.extra
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Late()
"""


def test_what_a_mutator_adds_is_known_to_every_command(user_flow) -> None:
    """Options of its decorators, parameters also on resume, the graph that is shown; no option without a taker."""
    flow = user_flow(OF_A_PROJECT)
    assert '"project"' in flow.call("show", "--json")
    assert "--branch" not in flow.call("--help")
    flow.call("--branch", "b", "run", "--extra", "4")
    run = flow.latest_run()
    assert (run.data.place, run.data.doubled) == ("test.b", 8)
    assert "--extra" in flow.call("resume", "--help")
    flow.call("resume", "--origin-run-id", run.id, "--extra=5")
    assert flow.latest_run().data.doubled == 10
    flow.path.write_text(flow.path.read_text().replace("    @InAProject\n", "").replace("@InAProject\n", ""))
    assert "no decorator of the flow takes --production" in flow.call("--production", "run", exit_code=2)


@pytest.mark.parametrize("added", ["mine.Shaped", "project:name=demo"])
def test_what_changes_flows_is_not_added_to_steps(user_flow, added) -> None:
    """Said in a sentence, before anything runs."""
    assert "changes flows, not steps" in user_flow(linear("")).call("run", "--with", added, exit_code=2)
