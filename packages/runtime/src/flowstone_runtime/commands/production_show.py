"""`python flow.py step-functions show`: what would become of the flow, without talking to the scheduler."""

import json
from typing import Any

import click

from flowstone_interfaces.production_scheduler import ProductionScheduler
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.scheduler_options import name_option, scheduler_options, scheduler_values
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.production.deployment import awaited_at_deployment
from flowstone_runtime.production.on_scheduler import OnScheduler
from flowstone_runtime.production.plan import planned
from flowstone_runtime.scheduling.run_record import flow_facts


def show_command(scheduler: str, kind: type[ProductionScheduler]) -> click.Command:
    """The command."""

    @click.pass_obj
    def show(
        context: CommandContext, /, name: str | None, added: tuple[str, ...], iam: bool, **given: Any
    ) -> None:
        there = OnScheduler.of(
            context, scheduler, name, scheduler_values(kind, given, context.settings), creates_store=True
        )
        graph = declared_graph(context.flow, added, bound_configs(context.flow))
        facts = flow_facts(graph, context.settings, context.flow_options, there.datastore, None)
        current = {key: value for fact in facts for key, value in fact.current.items()}
        awaited = awaited_at_deployment(context.flow, graph, current, context.settings)
        plan = planned(graph, there.name, there.datastore.url, awaited)
        if iam:
            click.echo(json.dumps(there.scheduler.permissions(plan), indent=2))
        else:
            click.echo(there.scheduler.explain(plan))

    return click.Command(
        "show",
        callback=show,
        help=f"Show what becomes of each step on {kind.title}, and what is not as it is on one machine.",
        params=[
            name_option(),
            click.Option(["--with", "added"], multiple=True, metavar="NAME:OPTION=VALUE", help="As for run."),
            click.Option(["--iam"], is_flag=True, help="Print what the roles have to be allowed, and no more."),
            *scheduler_options(kind),
        ],
    )
