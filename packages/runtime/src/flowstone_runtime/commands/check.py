"""`python flow.py check`: everything that is wrong with the flow, in one report."""

import attrs
import click

from flowstone_graph import InvalidFlowError
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.group import exit_code_of
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.command import parameter_options
from flowstone_runtime.parameters.parameter import parameters_of


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def check(context: CommandContext, /, as_json: bool) -> int:
        parameter_options(flow, parameters_of(flow))
        try:
            graph = declared_graph(flow, configs=bound_configs(flow))
        except InvalidFlowError as error:
            if not as_json:
                raise
            print_json({"flow": error.flow, "faults": [attrs.asdict(fault) for fault in error.faults]})
            return exit_code_of(error)
        if as_json:
            print_json({"flow": graph.name, "faults": []})
        elif not context.is_quiet:
            click.echo(f"{graph.name}: {len(graph)} steps, no faults")
        return 0

    return click.Command(
        "check", callback=check, help="Say what is wrong with the flow, if anything.", params=[json_option()]
    )
