"""`flowstone reproduce`: run what ran before, and say how alike the results are."""

import os
import sys
import tempfile
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowstone.json_option import json_option, print_json
from flowstone.run_argument import flow_and_run

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.reproduce import Reproduction


@click.command()
@click.argument("run", metavar="FLOW/RUN")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Build code and environment in this folder and leave them; else in one that is deleted afterwards.",
)
@json_option
@click.pass_obj
def reproduce(options: dict[str, str | None], run: str, into: Path | None, as_json: bool) -> int:
    """Run a past run once more, with the code, the packages and the parameters that it had.

    Says of each artifact whether it is identical, equal or different, and ends with 1 if any is different. The new
    run is kept in the same store.
    """
    from flowstone_client import Client
    from flowstone_client.settings import Settings
    from flowstone_runtime.past_runs.reproduce import reproduce as run_again

    flow_and_run(run)
    settings = Settings.load(Path.cwd(), os.environ, options)
    client = Client(settings.store)
    with _folder(into) as folder:
        click.echo(f"building {run} in {folder}", err=True)
        sys.stdout.flush()
        done = run_again(client, run, Path(folder).absolute(), os.environ, sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(done.to_json())
    else:
        _describe(done)
    return 0 if done.is_faithful else 1


def _folder(into: Path | None) -> AbstractContextManager[str | Path]:
    return tempfile.TemporaryDirectory(prefix="flowstone-reproduce-") if into is None else nullcontext(into)


def _describe(done: "Reproduction") -> None:
    for artifact in done.artifacts:
        detail = f"  ({artifact.detail})" if artifact.detail else ""
        click.echo(f"{artifact.likeness:9}  {artifact.name}{detail}")
    for difference in done.differences:
        click.echo(f"warning: {difference}", err=True)
    if done.states[0] != done.states[1]:
        click.echo(f"{done.origin} {done.states[0]}, but {done.run} {done.states[1]}")
    counts = Counter(artifact.likeness for artifact in done.artifacts)
    shown = ", ".join(f"{counts[likeness]} {likeness}" for likeness in ("identical", "equal", "different"))
    click.echo(f"{done.run} reproduces {done.origin}: {shown}" if done.is_faithful else f"{done.run}: {shown}")
