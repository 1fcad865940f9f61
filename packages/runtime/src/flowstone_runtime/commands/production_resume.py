"""`python flow.py step-functions resume RUN`: go on with a run that failed or was stopped, under its own id."""

import json
import time

import click

from flowstone_client import Client, Run
from flowstone_datastore import RunState, reopen_run
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.scheduler_options import authorize_option, name_option
from flowstone_runtime.errors import UsageError
from flowstone_runtime.production.on_scheduler import OnScheduler

_CAN_GO_ON = (RunState.FAILED, RunState.CANCELLED)


def resume_command(scheduler: str) -> click.Command:
    """The command."""

    @click.pass_obj
    def resume(context: CommandContext, /, run_id: str, name: str | None, authorize: str | None) -> int:
        there = OnScheduler.of(context, scheduler, name)
        deployed = there.authorized(authorize)
        run = Run(f"{deployed.flow}/{run_id.removeprefix(f'{deployed.flow}/')}", client=Client(there.datastore))
        if run.state not in _CAN_GO_ON:
            raise UsageError(f"{run.pathspec} is {run.state.value}: only runs that failed or were stopped go on")
        if run.deployment is None or run.deployment.version != deployed.deployment:
            version = run.deployment.version[:12] if run.deployment else "no deployment"
            raise UsageError(
                f"{run.pathspec} is a run of {version}, and {there.name} is now {deployed.deployment[:12]}; roll "
                "back to that to go on with it, or trigger a new run"
            )
        reopen_run(there.datastore.storage, deployed.flow, run.id, time.time())
        text = json.dumps({"run": run.id}, separators=(",", ":"))
        there.scheduler.trigger(there.name, run.id, text, is_new=False)
        click.echo(run.pathspec)
        return 0

    return click.Command(
        "resume",
        callback=resume,
        help="Go on with a run that failed or was stopped: what has finished is not run again.",
        params=[click.Argument(["run_id"], metavar="RUN"), name_option(), authorize_option()],
    )
