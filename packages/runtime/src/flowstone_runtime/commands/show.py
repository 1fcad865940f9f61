"""`python flow.py show`: the flow's steps and how they follow each other."""

import click

from flowstone_graph import draw
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The command."""

    def show(as_json: bool) -> None:
        graph = declared_graph(flow, configs=bound_configs(flow))
        if as_json:
            print_json(graph.to_dict())
        else:
            click.echo(draw(graph))

    return click.Command("show", callback=show, help="Show the steps of the flow.", params=[json_option()])
