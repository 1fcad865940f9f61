import datetime as dt
import enum
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Literal

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime import FlowSpec, JSONType, JSONTypeClass, Parameter, step
from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError
from flowstone_runtime.parameters.parameter import _WORDS_OF_FLOWS, parameters_of


class Color(enum.Enum):
    RED = 1
    BLUE = 2


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
        (Parameter("x", type=Color), "red", Color.RED),
        (Parameter("x", type=Color), "BLUE", Color.BLUE),
        (Parameter("x", type=Color), "2", Color.BLUE),
        (Parameter("x", default=Color.RED), "Blue", Color.BLUE),
        (Parameter("x", type=Literal["a", 1]), "1", 1),
        (Parameter("x", type=Literal["Fast", "slow"]), "fast", "Fast"),
        (Parameter("x", type=dt.date), "2026-01-31", dt.date(2026, 1, 31)),
        (Parameter("x", default=dt.date(2026, 1, 1)), "2026-01-31", dt.date(2026, 1, 31)),
        (Parameter("x", type=dt.datetime), "2026-01-31T12:00", dt.datetime.fromisoformat("2026-01-31T12:00")),
        (Parameter("x", type=Path), "a/b", Path("a/b")),
        (Parameter("x", type=list[int]), "[1, 2]", [1, 2]),
        (Parameter("x", type=list), '[1, "a"]', [1, "a"]),
        (Parameter("x", type=dict[str, float]), '{"a": 1}', {"a": 1}),
        (Parameter("x", type=int | None), "3", 3),
        (Parameter("x", type=uuid.UUID), "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
        (Parameter("x", type=lambda text: text[::-1]), "abc", "cba"),
        (Parameter("x", type=JSONTypeClass), "[1]", [1]),
        (Parameter("x", separator=","), "a,b", ["a", "b"]),
        (Parameter("x", separator=", "), "", []),
        (Parameter("x", nargs=2, type=int), ("1", "2"), (1, 2)),
        (Parameter("x", type=(str, int)), ("a", "2"), ("a", 2)),
    ],
)
def test_the_text_of_the_command_line_becomes_a_value_of_the_type(parameter, text, value) -> None:
    """What the command line gives is what the step sees: the type is the declared one, or the default's."""
    found = parsed(parameter, "--x", *([text] if isinstance(text, str) else text))
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
        (Parameter("x", type=int, default="3"), 3),
        (Parameter("x", type=Color, default="red"), Color.RED),
        (Parameter("x", default=Color.BLUE), Color.BLUE),
        (Parameter("x", type=dt.date, default=dt.date(2026, 1, 1)), dt.date(2026, 1, 1)),
        (Parameter("x", separator=",", default="a,b"), ["a", "b"]),
        (Parameter("x", separator=",", default=["a", "b"]), ["a", "b"]),
        (Parameter("x", separator=",", default=[]), []),
        (Parameter("x", multiple=True), ()),
        (Parameter("x", multiple=True, default=[1, 2]), (1, 2)),
        (Parameter("x", is_flag=True), False),
        (Parameter("x", type=list[int], default=[1]), [1]),
        (Parameter("x", type=Literal["a", 1], default=1), 1),
        (Parameter("x", default=lambda: "computed"), "computed"),
        (Parameter("x", type=int, default=lambda context: "7"), 7),
        (Parameter("x", type=JSONType, default=lambda context: {"a": 1}), {"a": 1}),
        (Parameter("x", separator=",", default=lambda: "a,b"), ["a", "b"]),
        (Parameter("x", default=lambda context: None), None),
        (Parameter("x", default=lambda context: context.parameter_name), "x"),
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
        (Parameter("x", type=Color), "green", "none of RED, BLUE"),
        (Parameter("x", type=Literal["a", "b"]), "c", "none of a, b"),
        (Parameter("x", type=dt.date), "31.1.2026", "like 2026-01-31"),
        (Parameter("x", type=list[int]), '["a"]', r"no list\[int\]"),
        (Parameter("x", type=list[int]), "[true]", r"no list\[int\]"),
        (Parameter("x", type=dict[str, list[str]]), '{"a": [1]}', "no dict"),
        (Parameter("x", type=Decimal), "much", "InvalidOperation"),
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


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter("x", type=int, default="many"), "its default cannot be used"),
        (Parameter("x", type=int, default=0.5), "its default 0.5 is no int"),
        (Parameter("x", type=list[int], default=["a"]), r"is no list\[int\]"),
        (Parameter("x", type=Color, default="green"), "none of RED, BLUE"),
        (Parameter("x", type=click.IntRange(1, 3), default=4), "1<=x<=3"),
        (Parameter("x", type="int"), "is no type"),
        (Parameter("x", type=click.File()), "use IncludeFile"),
        (Parameter("x", type=click.File), "use IncludeFile"),
        (Parameter("x", type=click.Choice), "give an instance"),
        (Parameter("x", type=int | str), "several types"),
        (Parameter("x", metavarr="N"), "click refuses it: .*metavarr"),
        (Parameter("x", nargs=-1), "click refuses it"),
        (Parameter("x", expose_value=False), "expose_value"),
    ],
)
def test_what_click_could_not_work_with_is_refused_with_the_line_of_the_declaration(parameter, words) -> None:
    """When the command is made, long before the default is needed."""
    with pytest.raises(UsageError, match=words) as refused:
        parameter.option()
    assert str(refused.value).startswith("test_parameters.py:")
    assert "Parameter('x')" in str(refused.value)


def test_a_computed_default_is_not_computed_when_a_value_is_given() -> None:
    """It may be expensive, or work in production only."""
    parameter = Parameter("x", type=int, default=lambda: 1 / 0)
    assert parsed(parameter, "--x", "3") == 3


def test_a_computed_default_is_computed_once() -> None:
    """It may ask a service."""
    calls = []
    assert parsed(Parameter("x", default=lambda: calls.append(1) or "v", prompt=False)) == "v"
    assert calls == [1]


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter("x", type=int, default=lambda context: 1 / 0), r"at test_parameters.py:\d+: ZeroDivisionError"),
        (Parameter("x", default=lambda: 3), "gives 3 of type int where a text is expected; declare type=int"),
        (Parameter("x", default=lambda: [3]), "declare type=JSONType"),
    ],
)
def test_a_default_that_cannot_be_computed_names_parameter_and_line(parameter, words) -> None:
    """Nothing has run."""
    with pytest.raises(UsageError, match=words) as refused:
        parsed(parameter)
    assert "Parameter('x')" in str(refused.value)


def test_a_computed_default_of_a_wrong_type_is_refused_like_a_given_value() -> None:
    """With the option's name."""
    with pytest.raises(click.BadParameter, match="integer"):
        parsed(Parameter("x", type=int, default=lambda: "many"))


def test_what_else_is_said_goes_to_click(monkeypatch) -> None:
    """Whatever click's options can do, parameters can."""
    assert parsed(Parameter("x", multiple=True, type=int), "--x", "1", "--x", "2") == (1, 2)
    assert parsed(Parameter("x", is_flag=True), "--x") is True
    assert parsed(Parameter("x", count=True), "--x", "--x") == 2
    assert Parameter("x", hidden=True).option().hidden
    monkeypatch.setenv("ELSEWHERE", "7")
    assert parsed(Parameter("x", type=int, envvar="ELSEWHERE")) == 7


def test_a_variable_sets_a_parameter_that_the_command_line_does_not(monkeypatch) -> None:
    """Where nobody can edit the command."""
    monkeypatch.setenv("FLOWSTONE_RUN_LEARNING_RATE", "0.5")
    parameter = Parameter("learning-rate", type=float)
    assert parsed(parameter) == 0.5
    assert parsed(parameter, "--learning-rate", "2") == 2.0


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=";"), min_size=1)))
def test_a_list_of_texts_survives_its_separator(texts) -> None:
    """What is joined is split again."""
    parameter = Parameter("x", separator=";", default=texts)
    assert parameter.fault() is None
    assert parsed(parameter) == texts


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
        (Parameter("x", separator=",", type=int), "splits texts only"),
        (Parameter("x", separator=""), "an empty text"),
        (Parameter("x", separator=",", multiple=True), "takes several values"),
        (Parameter("x", separator=",", default=[1]), "a list of texts"),
        (Parameter("x", separator=",", default=["a,b"]), "choose another separator"),
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
