"""`flowstone status`: where things are stored, what is there, what runs now."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from flowstone.json_option import json_option, print_json

if TYPE_CHECKING:
    from flowstone_client import Client, Run


@attrs.frozen
class _Status:
    """What the command tells."""

    store: str
    user: str
    flows: dict[str, dict[str, int]]
    """For each flow: state to number of runs."""
    running: list[dict[str, Any]]
    """The runs that go on now."""


@click.command()
@json_option
@click.pass_obj
def status(options: dict[str, str | None], as_json: bool) -> None:
    """Say where runs are stored, how many there are, and what is running now."""
    from flowstone_client import Client, Settings
    from flowstone_datastore import Datastore, NotAStoreError

    settings = Settings.load(Path.cwd(), os.environ, options)
    try:
        client = Client(Datastore.open(settings.store, cache=settings.cache), index_folder=settings.index_folder)
        found = _status(client, settings.user)
    except NotAStoreError:
        found = _Status(settings.store, settings.user, {}, [])
    if as_json:
        print_json(attrs.asdict(found))
    else:
        _print(found)


def _status(client: "Client", user: str) -> _Status:
    from flowstone_client import flows

    counts: dict[str, dict[str, int]] = {}
    running = []
    for flow in flows(client):
        found = list(flow.runs())
        counts[flow.id] = dict(Counter(run.state.value for run in found))
        running += [_running(run) for run in found if not run.finished]
    return _Status(client.datastore.url, user, counts, running)


def _running(run: "Run") -> dict[str, Any]:
    steps = {step.id: dict(Counter(task.state.value for task in step.tasks())) for step in run.steps()}
    return {"run": run.pathspec, "user": run.user, "created_at": run.created_at.isoformat(), "steps": steps}


def _print(found: _Status) -> None:
    click.echo(f"store  {found.store}")
    click.echo(f"user   {found.user}")
    if not found.flows:
        click.echo("nothing ran here yet")
    for flow, states in found.flows.items():
        counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        click.echo(f"{flow}: {counts or 'no runs'}")
    for run in found.running:
        click.echo(f"running: {run['run']} by {run['user']} since {run['created_at'][:19]}")
        for step, states in run["steps"].items():
            click.echo(f"  {step:20} {', '.join(f'{count} {state}' for state, count in states.items())}")
