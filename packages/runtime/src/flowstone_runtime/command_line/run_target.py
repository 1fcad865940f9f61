"""What a command is asked to look at: `RUN`, `RUN/STEP` or `RUN/STEP/TASK` of one flow."""

import click

from flowstone_client import Client, Flow, Run, Task
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.errors import UsageError

LATEST = "latest"


def target_argument() -> click.Argument:
    """The argument of commands that look back."""
    return click.Argument(["target"], default=LATEST, metavar="[RUN[/STEP[/TASK]]]")


def flow_runs(context: CommandContext) -> Flow:
    """All runs of the flow, whoever started them.

    Raises:
        NotFoundError: the flow never ran in this store.
    """
    return Flow(context.flow.__name__, client=Client(context.settings.store))


def find_run(context: CommandContext, run_id: str) -> Run:
    """One run; `latest` stands for the newest.

    Raises:
        NotFoundError: there is no such run.
        UsageError: nothing ran yet.
    """
    flow = flow_runs(context)
    run = flow.latest_run if run_id == LATEST else flow[run_id.removeprefix(f"{flow.id}/")]
    if run is None:
        raise UsageError(f"{flow.id} has not run yet; start it with: run")
    return run


def find_target(context: CommandContext, target: str) -> tuple[Run, list[Task]]:
    """The run, and the tasks that the target names: all of a run's or of a step's, or one.

    `latest` stands for the newest run.

    Raises:
        NotFoundError: there is no such run, step or task.
        UsageError: the target has too many parts, or nothing ran yet.
    """
    run_id, *rest = target.removeprefix(f"{context.flow.__name__}/").split("/")
    run = find_run(context, run_id)
    match rest:
        case []:
            return run, [task for step in run.steps() for task in step.tasks()]
        case [step]:
            return run, list(run[step].tasks())
        case [step, task]:
            return run, [run[step][task]]
    raise UsageError(f"{target!r} has too many parts; write RUN, RUN/STEP or RUN/STEP/TASK")
