"""`flowstone runs`: the newest runs."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from flowstone.json_option import json_option, print_json
from flowstone.opened_store import opened_store

if TYPE_CHECKING:
    from flowstone_client import Run

_STATES = ("running", "finished", "failed", "cancelled", "died")


@click.command()
@click.argument("flow", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many runs a flow."
)
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@click.option("--tag", "tags", multiple=True, help="Only runs with this tag; repeatable: with all of them.")
@click.option("--where", metavar="CONDITION", help="Only runs for which it holds: 'alpha > 0.1 and auc >= 0.9'.")
@json_option
@click.pass_obj
def runs(
    options: dict[str, str | None],
    flow: str | None,
    limit: int,
    state: str | None,
    tags: tuple[str, ...],
    where: str | None,
    as_json: bool,
) -> None:
    """List the newest runs of FLOW, or of every flow.

    A condition compares parameters, and numbers, texts and truth values that runs ended with.
    """
    from flowstone_client import Client, Flow, flows

    client = Client(opened_store(options))
    found = [Flow(flow, client=client)] if flow else flows(client)
    for known in found:
        for run in islice(known.runs(tags=tags, state=state, where=where, limit=limit), limit):
            _print(run, as_json=as_json)


def _print(run: "Run", *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(run))
        return
    tags = f"  {' '.join(sorted(run.user_tags))}" if run.user_tags else ""
    click.echo(f"{run.pathspec}  {run.state.value:9}  {run.created_at:%Y-%m-%d %H:%M:%S} UTC  {run.user}{tags}")


def _as_json(run: "Run") -> dict[str, Any]:
    ended = run.finished_at
    return {
        "run": run.pathspec,
        "state": run.state.value,
        "user": run.user,
        "created_at": run.created_at.isoformat(),
        "finished_at": None if ended is None else ended.isoformat(),
        "message": run.message,
        "user_tags": sorted(run.user_tags),
        "system_tags": sorted(run.system_tags),
    }
