"""`python flow.py step-functions create`: hand the flow, as it is now, to the scheduler."""

from typing import Any

import click

from flowstone_interfaces.production_scheduler import ProductionScheduler, SchedulerOption
from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.production.deployment import DeployOptions, deploy
from flowstone_runtime.production.on_scheduler import OnScheduler
from flowstone_runtime.production.tokens import new_token

_PREFIX = "scheduler_"
"""Of the names that options of the scheduler have in Python."""


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
        **given: Any,
    ) -> int:
        values = {option.name: given[_field(option)] for option in kind.options}
        there = OnScheduler.of(context, scheduler, name, values, creates_store=True)
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
            plan, _ = deploy(flow, options, context.settings, there.datastore)
            click.echo(there.scheduler.compile(plan).decode())
            return 0
        deployed = there.scheduler.deployed(there.name)
        token = there.token_of(deployed, authorize)
        if token is None or new:
            token = new_token(there.name)
        plan, _ = deploy(flow, options, context.settings, there.datastore)
        there.scheduler.compile(plan)  # what is wrong shows before anything is changed
        there.scheduler.create(plan, token)
        there.remember(token)
        click.echo(f"{plan.name} is on {kind.title}, deployment {plan.deployment[:12]}")
        click.echo(f"token: {token} (others need it to replace or stop it)", err=True)
        return 0

    return click.Command(
        "create",
        callback=create,
        help=f"Hand the flow, as it is now, to {kind.title}.",
        params=[
            click.Option(["--name"], help="What to call it there; else as it is, with @project its branch's."),
            click.Option(
                ["--only-json"], is_flag=True, help="Print what the scheduler would get; change nothing there."
            ),
            click.Option(["--tag", "tags"], multiple=True, help="Tag each run; may be given several times."),
            click.Option(["--namespace"], metavar="TAG", help="In which steps look at other runs."),
            click.Option(["--with", "added"], multiple=True, metavar="NAME:OPTION=VALUE", help="As for run."),
            click.Option(["--authorize"], metavar="TOKEN", help="The token of what somebody else deployed."),
            click.Option(
                ["--new-token", "--generate-new-token", "new"], is_flag=True, help="Make the old token void."
            ),
            *(_option(option) for option in kind.options),
        ],
    )


def _option(option: SchedulerOption) -> click.Option:
    return click.Option(
        [f"--{option.name}", _field(option)],
        type=int if option.is_number else str,
        help=option.help,
        envvar=option.variable,
        show_envvar=True,
    )


def _field(option: SchedulerOption) -> str:
    return _PREFIX + option.name.replace("-", "_")
