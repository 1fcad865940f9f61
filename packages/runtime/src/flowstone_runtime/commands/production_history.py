"""`list`, `diff` and `rollback`: what was deployed before, and to have it again."""

from datetime import datetime, timezone
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
from flowstone_runtime.production.history import difference, history, kept_deployment
from flowstone_runtime.production.on_scheduler import OnScheduler
from flowstone_runtime.production.plan import plan_of

_SHOWN_DIGITS = 12


def list_command(scheduler: str) -> click.Command:
    """The command that lists deployments."""

    @click.pass_obj
    def list_deployments(context: CommandContext, /, name: str | None, as_json: bool) -> None:
        there = OnScheduler.of(context, scheduler, name)
        deployed = there.scheduler.deployed(there.name)
        for kept in history(there.datastore, there.flow, there.name):
            is_current = deployed is not None and deployed.deployment == kept.version
            made = datetime.fromtimestamp(kept.record.time, timezone.utc)
            if as_json:
                about = {"deployment": kept.version, "time": made.isoformat(), "user": kept.record.user}
                print_json({**about, "is_current": is_current})
            else:
                mark = "  (current)" if is_current else ""
                click.echo(
                    f"{kept.version[:_SHOWN_DIGITS]}  {made:%Y-%m-%d %H:%M:%S}Z  by {kept.record.user}{mark}"
                )

    return click.Command(
        "list",
        callback=list_deployments,
        help="List what was deployed under this name, the newest first.",
        params=[name_option(), json_option()],
    )


def diff_command(scheduler: str) -> click.Command:
    """The command that compares deployments."""

    @click.pass_obj
    def diff(context: CommandContext, /, version: str, other: str | None, name: str | None) -> None:
        there = OnScheduler.of(context, scheduler, name)
        newer = there.deployed().deployment if other is None else other
        one, two = (kept_deployment(there.datastore, there.flow, there.name, each) for each in (version, newer))
        click.echo(str(difference(there.datastore, one, two)))

    return click.Command(
        "diff",
        callback=diff,
        help="Show what differs from one deployment to another; without a second one, to the current.",
        params=[
            click.Argument(["version"], metavar="VERSION"),
            click.Argument(["other"], metavar="[VERSION]", required=False),
            name_option(),
        ],
    )


def rollback_command(scheduler: str, kind: type[ProductionScheduler]) -> click.Command:
    """The command that hands an older deployment to the scheduler again."""

    @click.pass_obj
    def rollback(
        context: CommandContext, /, version: str, name: str | None, authorize: str | None, **given: Any
    ) -> int:
        there = OnScheduler.of(context, scheduler, name, scheduler_values(kind, given, context.settings))
        token = there.authorized(authorize).token
        kept = kept_deployment(there.datastore, there.flow, there.name, version)
        there.scheduler.create(plan_of(kept.record, kept.version, there.datastore.url), token)
        click.echo(f"{there.name} is on {kind.title}, deployment {kept.version[:_SHOWN_DIGITS]}")
        return 0

    return click.Command(
        "rollback",
        callback=rollback,
        help="Hand a deployment that was made before to the scheduler again, schedule and all.",
        params=[
            click.Argument(["version"], metavar="VERSION"),
            name_option(),
            authorize_option(),
            *scheduler_options(kind),
        ],
    )
