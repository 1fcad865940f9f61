"""A command that asks for the flow's parameters: what it takes of them, and how its help tells of them."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from flowstone_runtime.configs.config import bound_configs, has_bound_configs
from flowstone_runtime.parameters.flag_values import take_flag_values
from flowstone_runtime.parameters.parameter import Parameter

_BEFORE_THE_COMMAND = frozenset(
    {"--config", "--config-value", "--store", "--profile", "--quiet", "--branch", "--production", "--environment"}
)


def parameter_options(flow: type, parameters: Sequence[Parameter]) -> list[click.Option]:
    """An option for each parameter, with the defaults that the flow's configs give.

    Before the configs are bound to the flow, which only the help of a command can be, such defaults are named.

    Raises:
        UsageError: a parameter's type, its default or what it gives to click cannot work.
    """
    configs = bound_configs(flow) if has_bound_configs(flow) else None
    folder = Path(inspect.getfile(flow)).resolve().parent
    return [parameter.option(configs, folder) for parameter in parameters]


def options_without_defaults(flow: type, parameters: Sequence[Parameter]) -> list[click.Option]:
    """The same for a command that goes on with an older run: what is not given is that run's.

    Raises:
        UsageError: as `parameter_options`.
    """
    options = parameter_options(flow, parameters)
    for option in options:
        option.default = None
        option.required = False
        option.prompt = None
        option.show_default = False
    return options


class CommandWithParameters(click.Command):
    """A command whose help tells of the flow's parameters first, and of its own options after them."""

    def __init__(self, name: str, asked: Sequence[click.Option], **fields: Any) -> None:
        super().__init__(name, **{**fields, "params": [*asked, *fields["params"]]})
        self.asked = tuple(asked)

    def ask(self, options: Sequence[click.Option]) -> None:
        """Have options for these parameters in place of those that there are."""
        self.params = [*options, *(known for known in self.params if known not in self.asked)]
        self.asked = tuple(options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; of an option that stands in the wrong place, say where it belongs."""
        try:
            return super().parse_args(ctx, take_flag_values(ctx, self.asked, args))
        except click.NoSuchOption as error:
            option = error.option_name
            if option not in _BEFORE_THE_COMMAND:
                raise
            message = f"{option} stands before the command: {ctx.parent.info_name if ctx.parent else ''} {option}"
            raise click.UsageError(f"{message} ... {self.name}", ctx) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both groups."""
        groups: dict[str, list[tuple[str, str]]] = {"Parameters": [], "Options": []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None and not isinstance(option, click.Argument):  # those stand in the usage line
                groups["Parameters" if option in self.asked else "Options"].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
