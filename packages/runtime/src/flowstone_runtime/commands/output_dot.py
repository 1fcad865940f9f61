"""`python flow.py output-dot`: the graph in Graphviz's language."""

import click

from flowstone_graph import parse_flow
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    def output_dot() -> None:
        click.echo(parse_flow(flow).to_dot())

    return click.Command("output-dot", callback=output_dot, help="Print the graph for Graphviz.")
