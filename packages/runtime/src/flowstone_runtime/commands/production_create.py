"""`python flow.py step-functions create`: hand the flow, as it is now, to the scheduler."""

from typing import Any

import click

from flowstone_interfaces.production_scheduler import ProductionScheduler
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.commands.scheduler_options import (
    authorize_option,
    name_option,
    scheduler_options,
    scheduler_values,
)
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.production.deployment import DeployOptions, deploy
from flowstone_runtime.production.on_scheduler import OnScheduler
from flowstone_runtime.production.tokens import new_token


def create_command(flow: type[FlowSpec], scheduler: str, kind: type[ProductionScheduler]) -> click.Command:
    """The command, with the options of the scheduler."""

    @click.pass_obj
    def create(
        context: CommandContext,
        /,
        name: str | None,
        only_json: bool,
        tags: tuple[str, ...],
        namespace: str | None,
        added: tuple[str, ...],
        authorize: str | None,
        new: bool,
        as_json: bool,
        **given: Any,
    ) -> int:
        there = OnScheduler.of(
            context, scheduler, name, scheduler_values(kind, given, context.settings), creates_store=True
        )
        options = DeployOptions(
            scheduler=scheduler,
            name=there.name,
            tags=tags,
            namespace=namespace,
            added=added,
            flow_options=context.flow_options,
            environment=context.environment,
        )
        if only_json:
            plan = deploy(flow, options, context.settings, there.datastore)
            click.echo(there.scheduler.compile(plan).decode())
            return 0
        deployed = there.scheduler.deployed(there.name)
        token = there.token_of(deployed, authorize)
        if token is None or new:
            token = new_token(there.name)
        plan = deploy(flow, options, context.settings, there.datastore)
        there.scheduler.compile(plan)  # what is wrong shows before anything is changed
        there.scheduler.create(plan, token)
        there.remember(token)
        for difference in there.scheduler.differences(plan):
            click.echo(f"note: {difference}", err=True)
        if as_json:
            print_json(
                {"name": plan.name, "flow": plan.graph["name"], "deployment": plan.deployment, "token": token}
            )
            return 0
        click.echo(f"{plan.name} is on {kind.title}, deployment {plan.deployment[:12]}")
        click.echo(f"token: {token} (others need it to replace or stop it)", err=True)
        return 0

    return click.Command(
        "create",
        callback=create,
        help=f"Hand the flow, as it is now, to {kind.title}.",
        params=[
            name_option(),
            click.Option(
                ["--only-json"], is_flag=True, help="Print what the scheduler would get; change nothing there."
            ),
            click.Option(["--tag", "tags"], multiple=True, help="Tag each run; may be given several times."),
            click.Option(["--namespace"], metavar="TAG", help="In which steps look at other runs."),
            click.Option(["--with", "added"], multiple=True, metavar="NAME:OPTION=VALUE", help="As for run."),
            authorize_option(),
            click.Option(
                ["--new-token", "--generate-new-token", "new"], is_flag=True, help="Make the old token void."
            ),
            json_option(),
            *scheduler_options(kind),
        ],
    )
