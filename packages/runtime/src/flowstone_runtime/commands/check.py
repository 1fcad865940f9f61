"""`python flow.py check`: everything that is wrong with the flow, in one report."""

import click

from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameter_command import parameter_options
from flowstone_runtime.parameters import parameters_of


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    @click.pass_obj
    def check(context: CommandContext) -> None:
        parameter_options(flow, parameters_of(flow))
        graph = declared_graph(flow, configs=bound_configs(flow))
        if not context.is_quiet:
            click.echo(f"{graph.name}: {len(graph)} steps, no faults")

    return click.Command("check", callback=check, help="Say what is wrong with the flow, if anything.")
