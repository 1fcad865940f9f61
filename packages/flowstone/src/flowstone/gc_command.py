"""`flowstone gc`: deletes runs by rules, and what nothing points to."""

import json
import time
from typing import TYPE_CHECKING, Any

import click

from flowstone.opened_store import opened_store
from flowstone.quantities import Duration, human_bytes

if TYPE_CHECKING:
    from flowstone_datastore.collect import CollectionPlan


@click.command()
@click.option("--keep-last", metavar="N", type=click.IntRange(min=0), help="Keep the newest N runs of each flow.")
@click.option("--keep-tag", "keep_tags", metavar="TAG", multiple=True, help="Keep runs with this tag; repeatable.")
@click.option(
    "--older-than", metavar="DURATION", type=Duration(), help="Keep runs that are younger: 12h, 30d, 8w."
)
@click.option(
    "--grace",
    metavar="DURATION",
    type=Duration(),
    default="1d",
    show_default=True,
    help="Keep unused bytes that are younger. Less than a day only if no run is writing anywhere.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def gc(
    options: dict[str, str | None],
    keep_last: int | None,
    keep_tags: tuple[str, ...],
    older_than: float | None,
    grace: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Delete runs that no rule keeps, and bytes that no run uses.

    A run goes only if none of --keep-last, --keep-tag and --older-than keeps it; without any of them no run goes,
    only bytes that nothing points to. Runs that may be running stay. Others may run and write meanwhile.
    """
    from flowstone_datastore.collect import CollectionStoppedError, collect, plan_collection
    from flowstone_datastore.retention import KeepRules

    store = opened_store(options)
    rules = KeepRules(keep_last, frozenset(keep_tags), older_than)
    kept: tuple[tuple[str, str], ...] = ()
    try:
        plan = plan_collection(store, rules, time.time(), grace)
        if not dry_run:
            report = collect(store, plan)
            plan, kept = report.done, report.kept
    except CollectionStoppedError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **_as_json(plan), "kept": ["/".join(run) for run in kept]}))
    else:
        _print(plan)
        for flow, run_id in kept:
            click.echo(f"{flow}/{run_id} stays: something happened to it meanwhile")
        click.echo(f"{human_bytes(plan.size_bytes)} {'would come' if dry_run else 'came'} back")
    return 0


def _print(plan: "CollectionPlan") -> None:
    for run in plan.runs:
        size = human_bytes(run.record_bytes + run.chunk_bytes)
        click.echo(f"{size:>10}  {run.flow}/{run.run_id}")
    for flow, size_bytes in _by_flow(plan).items():
        click.echo(f"{human_bytes(size_bytes):>10}  {flow}")
    for size_bytes, what in (
        (plan.unreachable_bytes, "used by no run"),
        (plan.leftover_bytes, "left by killed processes"),
    ):
        if size_bytes:
            click.echo(f"{human_bytes(size_bytes):>10}  {what}")
    if plan.waiting_bytes:
        click.echo(f"{human_bytes(plan.waiting_bytes):>10}  used by no run, but too young to go now")


def _by_flow(plan: "CollectionPlan") -> dict[str, int]:
    sizes: dict[str, int] = {}
    for run in plan.runs:
        sizes[run.flow] = sizes.get(run.flow, 0) + run.record_bytes + run.chunk_bytes
    return sizes


def _as_json(plan: "CollectionPlan") -> dict[str, Any]:
    return {
        "runs": [
            {
                "run": f"{run.flow}/{run.run_id}",
                "record_bytes": run.record_bytes,
                "chunk_bytes": run.chunk_bytes,
            }
            for run in plan.runs
        ],
        "flows": _by_flow(plan),
        "unreachable_bytes": plan.unreachable_bytes,
        "leftover_bytes": plan.leftover_bytes,
        "waiting_bytes": plan.waiting_bytes,
        "bytes": plan.size_bytes,
    }
