"""`flowstone debug TASK`: a prompt in a task that ran, with its code, its inputs and `self` as they were."""

import code
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from flowstone.opened_store import opened_store

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.past_task import PastTask


@click.command()
@click.argument("pathspec", metavar="FLOW/RUN/STEP/TASK")
@click.option("--attempt", type=click.IntRange(min=0), help="An earlier attempt; by default the latest.")
@click.option("--pdb", "with_pdb", is_flag=True, help="Run the step again, and stop where it fails.")
@click.option("--notebook", is_flag=True, help="Start a kernel for a notebook or console instead of a prompt.")
@click.pass_obj
def debug(
    options: dict[str, str | None], pathspec: str, attempt: int | None, with_pdb: bool, notebook: bool
) -> None:
    """Open a Python prompt in a task that ran.

    There, `self` is as it was at the end of the attempt, `start` as the step found it, `inputs` are those of a
    join, `task` is the task itself and `again()` runs the step once more. Nothing of it is stored.
    """
    from flowstone_client import Client, Task
    from flowstone_runtime.past_runs.past_task import past_task

    datastore = opened_store(options)
    task = Task(pathspec, attempt, client=Client(datastore))
    with past_task(task, datastore) as past:
        if with_pdb:
            _post_mortem(past)
            return
        start, inputs = past.at_start()
        names = {"self": past.at_end(), "start": start, "inputs": inputs, "task": task, "again": past.run_again}
        module = __import__("__main__").__dict__
        names = {**{name: value for name, value in module.items() if not name.startswith("__")}, **names}
        if notebook:
            _kernel(names)
        else:
            code.interact(banner=_banner(task), local=names, exitmsg="")


def _banner(task: Any) -> str:
    error = task.exception
    why = "" if error is None else f": {error.type} at {error.file}:{error.line}: {error.message}"
    return (
        f"{task.pathspec}, attempt {task.current_attempt}, {task.state.value}{why}\n"
        "self: as it was at the end; start: as the step found it; inputs, task; again() runs the step"
    )


def _post_mortem(past: "PastTask") -> None:
    from flowstone_runtime.tasks.post_mortem import debug as look_around

    try:
        past.run_again()
    except BaseException as error:  # noqa: BLE001 - whatever the step raises is what one wants to look at
        look_around(error)
    else:
        click.echo("the step has run to its end and did not fail; start debug without --pdb to look at it")


def _kernel(names: dict[str, Any]) -> None:
    try:
        embed: Any = import_module("ipykernel.embed")
    except ImportError as error:
        from flowstone_client import MissingPackageError

        raise MissingPackageError("a kernel", "ipykernel") from error
    embed.embed_kernel(local_ns=names)
