"""`python flow.py output-dot`: the graph in Graphviz's language."""

import click

from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    def output_dot() -> None:
        click.echo(declared_graph(flow, configs=bound_configs(flow)).to_dot())

    return click.Command("output-dot", callback=output_dot, help="Print the graph for Graphviz.")
