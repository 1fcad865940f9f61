"""`python flow.py step-functions ...`: the flow on a production scheduler, whichever is installed."""

import time
from datetime import datetime, timezone

import attrs
import click

from flowstone_client import Client, Run
from flowstone_datastore import Datastore, RunEnded
from flowstone_interfaces.plugins import load_plugin
from flowstone_interfaces.production_scheduler import ProductionScheduler
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.group import CommandGroup
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.commands.production_create import create_command
from flowstone_runtime.commands.production_history import diff_command, list_command, rollback_command
from flowstone_runtime.commands.production_resume import resume_command
from flowstone_runtime.commands.production_show import show_command
from flowstone_runtime.commands.production_trigger import trigger_command
from flowstone_runtime.commands.scheduler_options import authorize_option, name_option
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.production.on_scheduler import GROUP, OnScheduler

_TERMINATION_SEGMENT = "termination"


def command(flow: type[FlowSpec], scheduler: str) -> click.Group:
    """The commands for one scheduler."""
    kind: type[ProductionScheduler] = load_plugin(GROUP, scheduler)
    group = CommandGroup(scheduler, help=f"The flow on {kind.title}.")
    group.add_command(create_command(flow, scheduler, kind))
    group.add_command(trigger_command(flow, scheduler))
    group.add_command(_status(scheduler))
    group.add_command(_list_runs(scheduler))
    group.add_command(_logs(flow))
    group.add_command(_terminate(scheduler))
    group.add_command(resume_command(scheduler))
    group.add_command(_delete(scheduler))
    group.add_command(show_command(scheduler, kind))
    group.add_command(list_command(scheduler))
    group.add_command(diff_command(scheduler))
    group.add_command(rollback_command(scheduler, kind))
    return group


def _status(scheduler: str) -> click.Command:
    @click.pass_obj
    def status(context: CommandContext, /, name: str | None, as_json: bool) -> int:
        there = OnScheduler.of(context, scheduler, name)
        deployed = there.deployed()
        if as_json:
            print_json(attrs.asdict(deployed))
            return 0
        click.echo(f"{deployed.name}: flow {deployed.flow}, deployment {deployed.deployment[:12]}")
        click.echo(f"started {deployed.schedule or 'by hand only'}")
        return 0

    return click.Command(
        "status", callback=status, help="Show what is deployed.", params=[name_option(), json_option()]
    )


def _list_runs(scheduler: str) -> click.Command:
    @click.pass_obj
    def list_runs(context: CommandContext, /, name: str | None, as_json: bool) -> None:
        there = OnScheduler.of(context, scheduler, name)
        deployed = there.deployed()
        for execution in there.scheduler.executions(there.name):
            if as_json:
                print_json(attrs.asdict(execution))
                continue
            began = datetime.fromtimestamp(execution.started, timezone.utc)
            click.echo(f"{deployed.flow}/{execution.run_id}  {execution.state:9}  {began:%Y-%m-%d %H:%M:%S}Z")

    return click.Command(
        "list-runs", callback=list_runs, help="List the runs, newest first.", params=[name_option(), json_option()]
    )


def _logs(flow: type[FlowSpec]) -> click.Command:
    from flowstone_runtime.commands import logs

    return logs.command(flow)


def _terminate(scheduler: str) -> click.Command:
    @click.pass_obj
    def terminate(context: CommandContext, /, run_id: str, name: str | None, authorize: str | None) -> int:
        there = OnScheduler.of(context, scheduler, name)
        flow = there.authorized(authorize).flow
        run_id = run_id.removeprefix(f"{flow}/")
        why = f"terminated by {context.settings.user}"
        if not there.scheduler.terminate(there.name, run_id, why):
            raise UsageError(f"{flow}/{run_id} is not running; list-runs shows what is")
        record_cancellation(there.datastore, flow, run_id, why)
        click.echo(f"{flow}/{run_id}: cancelled", err=True)
        return 0

    params = [click.Argument(["run_id"], metavar="RUN"), name_option(), authorize_option()]
    return click.Command("terminate", callback=terminate, help="Stop a run and its jobs.", params=params)


def record_cancellation(datastore: Datastore, flow: str, run_id: str, why: str) -> None:
    """Write down that a run was stopped; one that had not begun has nothing to say it in."""
    if Run(f"{flow}/{run_id}", client=Client(datastore)).has_begun:
        ended = RunEnded(time=time.time(), state="cancelled", message=why)
        datastore.journal(flow, run_id).writer(_TERMINATION_SEGMENT).append(ended)


def _delete(scheduler: str) -> click.Command:
    @click.pass_obj
    def delete(context: CommandContext, /, name: str | None, authorize: str | None) -> int:
        there = OnScheduler.of(context, scheduler, name)
        there.authorized(authorize)
        there.scheduler.delete(there.name)
        click.echo(f"{there.name} is deleted; what ran stays in the store", err=True)
        return 0

    return click.Command(
        "delete",
        callback=delete,
        help="Have the scheduler forget the flow; runs that go on are not stopped.",
        params=[name_option(), authorize_option()],
    )
