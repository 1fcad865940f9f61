"""`python flow.py run`: run the flow here, to its end."""

from typing import Any

import click

from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.run_options import run_options, split_options, start
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.command import CommandWithParameters, parameter_options
from flowstone_runtime.parameters.parameter import parameters_of


def command(flow: type[FlowSpec]) -> click.Command:
    """The command, with an option for each parameter of the flow."""
    parameters = parameters_of(flow)
    asked = parameter_options(flow, parameters)

    @click.pass_obj
    def run(context: CommandContext, /, **values: Any) -> int:
        own, options = split_options(values)
        assert not own.keys() - {parameter.attribute for parameter in parameters}, "every option is known"
        return start(context, own, options)

    return CommandWithParameters(
        "run",
        asked,
        callback=run,
        help="Run the flow here, to its end. Ctrl-C stops everything at once.",
        params=run_options(),
    )
