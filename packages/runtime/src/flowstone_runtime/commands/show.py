"""`python flow.py show`: the flow's steps and how they follow each other."""

import click

from flowstone_graph import draw, parse_flow
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    def show() -> None:
        click.echo(draw(parse_flow(flow)))

    return click.Command("show", callback=show, help="Show the steps of the flow.")
