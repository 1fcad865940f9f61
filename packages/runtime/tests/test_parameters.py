import subprocess
import sys
from pathlib import Path

import click
import pytest

from flowstone_runtime import FlowSpec, JSONType, Parameter, step
from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError
from flowstone_runtime.parameters import _WORDS_OF_FLOWS, parameters_of


def parsed(parameter: Parameter, *arguments: str):
    """The value that the `run` command would hand on."""
    command = click.Command("run", params=[parameter.option()], callback=lambda **values: values)
    return command.main(list(arguments), standalone_mode=False)[parameter.attribute]


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (Parameter("x", type=str), "7", "7"),
        (Parameter("x"), "ü x", "ü x"),
        (Parameter("x", type=int), "7", 7),
        (Parameter("x", default=3), "7", 7),
        (Parameter("x", type=float), "1e-3", 0.001),
        (Parameter("x", default=0.5), "2", 2.0),
        (Parameter("x", type=bool), "true", True),
        (Parameter("x", default=True), "no", False),
        (Parameter("x", type=JSONType), '{"a": [1, null]}', {"a": [1, None]}),
        (Parameter("x", default=[1, 2]), "[3]", [3]),
        (Parameter("x", default={"a": 1}), '"any JSON"', "any JSON"),
        (Parameter("x", default=Path("here")), "there", Path("there")),
        (Parameter("x", type=click.Choice(["a", "b"])), "b", "b"),
    ],
)
def test_the_text_of_the_command_line_becomes_a_value_of_the_type(parameter, text, value) -> None:
    """What the command line gives is what the step sees: the type is the declared one, or the default's."""
    found = parsed(parameter, "--x", text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Parameter("x"), None),
        (Parameter("x", default=None, type=int), None),
        (Parameter("x", default=3), 3),
        (Parameter("x", default=False), False),
        (Parameter("x", default=""), ""),
        (Parameter("x", default=[1, {"a": None}]), [1, {"a": None}]),
        (Parameter("x", default={}), {}),
        (Parameter("x", type=JSONType, default='{"a": 1}'), {"a": 1}),
        (Parameter("x", type=JSONType, default={"a": 1}), {"a": 1}),
    ],
)
def test_without_an_option_the_default_counts(parameter, value) -> None:
    """Falsy defaults too."""
    assert parsed(parameter) == value


@pytest.mark.parametrize(
    ("parameter", "text", "word"),
    [
        (Parameter("x", default=3), "many", "integer"),
        (Parameter("x", type=float), "much", "float"),
        (Parameter("x", default=False), "maybe", "boolean"),
        (Parameter("x", type=JSONType), "{a: 1}", "is not JSON"),
    ],
)
def test_a_text_that_is_no_such_value_is_refused_by_name(parameter, text, word) -> None:
    """Nothing runs on a guess."""
    with pytest.raises(click.BadParameter, match=word) as refused:
        parsed(parameter, "--x", text)
    assert "--x" in refused.value.format_message()


def test_a_required_parameter_must_be_given() -> None:
    """A run without it would fail hours later."""
    with pytest.raises(click.MissingParameter, match="x"):
        parsed(Parameter("x", required=True, type=int))
    assert parsed(Parameter("x", required=True, type=int), "--x", "1") == 1


def fault_of(parameter: Parameter) -> str:
    flow = type("Faulty", (FlowSpec,), {parameter.name.replace("-", "_"): parameter})
    with pytest.raises(UsageError) as refused:
        parameters_of(flow)
    return str(refused.value)


@pytest.mark.parametrize(
    "name", ["help", "max-workers", "max_workers", "MAX_Workers", "Tag", "run_id_file", "with"]
)
def test_names_that_the_command_line_needs_are_refused_in_every_spelling(name) -> None:
    """`--Max_Workers` beside `--max-workers` would be a trap."""
    message = fault_of(Parameter(name))
    assert repr(name) in message
    assert "choose another" in message


def test_every_option_of_run_is_reserved(flow_file) -> None:
    """An option that is added to `run` must not take a parameter's place unnoticed."""
    from flowstone_runtime.commands.run_options import run_options

    options = {option.lstrip("-") for parameter in run_options() for option in parameter.opts}
    assert options <= Parameter.RESERVED


@pytest.mark.parametrize("name", ["", "two words", "1st", "a.b", "a=b", "--x"])
def test_a_name_must_be_one_that_can_be_typed(name) -> None:
    """It becomes an option."""
    flow = type("Faulty", (FlowSpec,), {"x": Parameter(name)})
    with pytest.raises(UsageError, match="letters, digits"):
        parameters_of(flow)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter("x", default=1, required=True), "has no default"),
        (Parameter("x", default=lambda context: 1), "is a function"),
        (Parameter("x", default=(1, 2)), "a tuple"),
        (Parameter("x", default={1, 2}), "a set"),
        (Parameter("x", default=[{1}]), "not JSON"),
        (Parameter("input"), "every flow has a self.input"),
        (Parameter("next"), "every flow has a self.next"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_before_anything_runs(parameter, words) -> None:
    """With the flow's and the parameter's name."""
    message = fault_of(parameter)
    assert words in message
    assert message.startswith(f"Faulty: Parameter({parameter.name!r})")


def test_the_words_of_flows_are_words_of_flows() -> None:
    """The list must follow the class."""
    assert set(vars(FlowSpec)) >= _WORDS_OF_FLOWS


@pytest.mark.parametrize(("one", "other"), [("alpha", "ALPHA"), ("learning-rate", "learning_rate")])
def test_two_parameters_that_one_cannot_tell_apart_are_refused(one, other) -> None:
    """Both attributes are named."""
    flow = type("Twice", (FlowSpec,), {"a": Parameter(one), "b": Parameter(other)})
    with pytest.raises(UsageError, match="'a' and 'b' both are --"):
        parameters_of(flow)


class Base(FlowSpec):
    first = Parameter("first", default=1)
    second = Parameter("second", default=2)
    third = Parameter("third", default=3)


class Child(Base):
    second = Parameter("second", default="another")
    third = "no parameter any more"
    fourth = Parameter("fourth")


def test_parameters_are_inherited_overridden_and_removed_like_attributes() -> None:
    """Those of base classes come first."""
    found = parameters_of(Child)
    assert [p.attribute for p in found] == ["first", "second", "fourth"]
    assert [p.default for p in found] == [1, "another", None]
    assert [p.attribute for p in parameters_of(Base)] == ["first", "second", "third"]


class Rates(FlowSpec):
    rate = Parameter("learning-rate", default=0.5)
    options = Parameter("options", default={"a": [1]})

    @step
    def start(self):
        self.seen = self.rate
        self.options["a"].append(2)
        self.changed = self.options
        self.next(self.end)

    @step
    def end(self):
        self.seen_again = (self.rate, self.options)


def test_steps_read_a_parameter_by_its_attribute_and_the_same_in_every_task(bench) -> None:
    """Changing the value in place changes it in that task only."""
    run = bench(Rates, rate=0.25).run()
    assert run.values("end/0") == {
        "seen": 0.25,
        "changed": {"a": [1, 2]},
        "seen_again": (0.25, {"a": [1]}),
    }


def test_a_parameter_is_read_only_and_no_artifact(bench) -> None:
    """It belongs to the run."""
    flow = Rates(use_cli=False)
    with pytest.raises(ReadOnlyAttributeError, match=r"self.rate is a parameter of Rates"):
        flow.rate = 1
    assert "rate" not in bench(Rates).run().artifacts("end/0")


def test_outside_of_a_run_a_parameter_has_no_value() -> None:
    """The class gives the declaration, an instance says what is missing."""
    assert Rates.rate.name == "learning-rate"
    with pytest.raises(UsageError, match=r"self.rate has a meaning inside a running step only"):
        _ = Rates(use_cli=False).rate


def test_the_help_of_run_tells_of_every_parameter(flow_file) -> None:
    """With default and help text; a default that is not to be shown is not."""
    flow = flow_file("""
        class Helped(FlowSpec):
            count = Parameter("count", default=3, help="How many.")
            token = Parameter("token", default="hunter2", show_default=False)
            options = Parameter("options", default=[1, 2])
            name_needed = Parameter("needed", required=True)

            @step
            def start(self):
                pass

        if __name__ == "__main__":
            Helped()
    """)
    text = flow.call("run", "--help")
    for word in (
        "--count",
        "How many.",
        "default: 3",
        "--token",
        "--options JSON",
        "[1, 2]",
        "--needed",
        "required",
    ):
        assert word in text
    assert "hunter2" not in text


def test_declaring_parameters_loads_no_click() -> None:
    """A task that reads parameters needs no command line."""
    code = "import sys; from flowstone_runtime import Parameter; Parameter('x'); print('click' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
