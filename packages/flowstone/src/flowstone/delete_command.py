"""`flowstone delete`: deletes one run."""

import time

import click

from flowstone.opened_store import opened_store
from flowstone.quantities import human_bytes
from flowstone.run_argument import flow_and_run


@click.command()
@click.argument("run", metavar="FLOW/RUN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Delete it though it looks as if it were running.")
@click.option("--now", is_flag=True, help="Take its youngest bytes, too. No run may be writing to the store!")
@click.pass_obj
def delete(options: dict[str, str | None], run: str, yes: bool, force: bool, now: bool) -> int:
    """Delete a run: its records, its logs, and all values that no other run has.

    Values stored within the last day stay until the first `flowstone gc` after it, since a run that is
    writing at this moment may rely on them; with --now they go at once.
    """
    from flowstone_datastore.collect import CollectionStoppedError
    from flowstone_datastore.deletion import delete_run
    from flowstone_datastore.retention import GRACE_SECONDS

    flow, run_id = flow_and_run(run)
    store = opened_store(options)
    if not yes:
        click.confirm(f"delete {run} in {store.url} for good?", abort=True)
    try:
        done = delete_run(store, flow, run_id, time.time(), 0 if now else GRACE_SECONDS, force=force)
    except CollectionStoppedError as error:
        click.echo(f"error: the records of {run} are deleted, but {error}", err=True)
        return 1
    click.echo(f"deleted {run}: {human_bytes(done.record_bytes + done.chunk_bytes)} came back")
    if done.waiting_bytes:
        waiting = human_bytes(done.waiting_bytes)
        click.echo(f"{waiting} are younger than a day; run `flowstone gc` a day from now to delete them")
    if done.shared_chunks:
        click.echo(f"{done.shared_chunks} chunks of it stay: other runs have them, too")
    return 0
