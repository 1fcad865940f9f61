"""Values of parameters that nobody gives, without a command line."""

from pathlib import Path

import click
import pytest

from flowstone_client.settings import Settings
from flowstone_runtime import Config, FlowSpec, IncludeFile, Parameter
from flowstone_runtime.configs.config import bind_configs
from flowstone_runtime.configs.config_value import ConfigValue
from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.command import options_without_defaults
from flowstone_runtime.parameters.defaults import default_values
from flowstone_runtime.parameters.included_content import IncludedContent
from flowstone_runtime.parameters.parameter import parameters_of

SETTINGS = Settings(store="/somewhere", user="ada", project_root=Path())


class Asking(FlowSpec):
    cfg = Config("cfg")
    nothing = Parameter("nothing", type=int)
    text = Parameter("text", type=int, default="3")
    words = Parameter("words", separator=",", default="a,b")
    several = Parameter("several", multiple=True)
    delayed = Parameter("delayed", default=cfg.alpha)
    computed = Parameter("computed", default=lambda context: f"{context.user_name} {context.flow_name}")
    table = IncludeFile("table", default=Path(__file__).name)


def test_defaults_are_computed_and_converted_as_the_command_line_would() -> None:
    """A run that a program starts is no other run."""
    bind_configs(Asking, {"cfg": ConfigValue({"alpha": 0.5})})
    assert default_values(Asking, parameters_of(Asking), SETTINGS) == {
        "nothing": None,
        "text": 3,
        "words": ["a", "b"],
        "several": (),
        "delayed": 0.5,
        "computed": "ada Asking",
        "table": IncludedContent("--table", Path(__file__).resolve(), "utf-8"),
    }
    assert default_values(Asking, (), SETTINGS) == {}


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter("x", required=True), "'x' is required"),
        (
            Parameter("x", type=int, default=lambda: "many"),
            "its default cannot be used: 'many' is not a valid integer",
        ),
        (Parameter("x", default=Config("another").alpha), "'another' has not been read"),
        (IncludeFile("x", default="nowhere"), "there is no file 'nowhere'"),
    ],
)
def test_a_default_that_cannot_be_used_is_named(parameter, words) -> None:
    """Nothing runs."""
    with pytest.raises(UsageError, match=words):
        default_values(Asking, (parameter,), SETTINGS)


def test_without_defaults_nothing_is_computed_asked_for_or_required() -> None:
    """What a resumed run is not given, it has already."""
    parameters = (
        Parameter("needed", required=True),
        Parameter("computed", default=lambda: 1 / 0),
        Parameter("asked", prompt=True),
        Parameter("several", multiple=True, default=["a"]),
        IncludeFile("table", default="nowhere"),
        Parameter("count", default=3),
    )
    options = options_without_defaults(Asking, parameters)
    command = click.Command("resume", params=options, callback=lambda **values: values)
    found = command.main(["--count", "4"], standalone_mode=False)
    assert {name: value for name, value in found.items() if value} == {"count": 4}
