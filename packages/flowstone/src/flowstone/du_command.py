"""`flowstone du`: who uses what."""

import json
from typing import TYPE_CHECKING

import attrs
import click

from flowstone.opened_store import opened_store
from flowstone.quantities import human_bytes

if TYPE_CHECKING:
    from flowstone_datastore.usage import Usage


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def du(options: dict[str, str | None], as_json: bool) -> None:
    """Say who uses how many bytes: alone, with others, and for records and logs.

    Values are counted as they were before compression; bytes that no run uses are not counted.
    """
    from flowstone_datastore.usage import usage

    report = usage(opened_store(options))
    if as_json:
        found = {
            "flows": {flow: attrs.asdict(used) for flow, used in report.flows.items()},
            "runs": {"/".join(run): attrs.asdict(used) for run, used in report.runs.items()},
            "chunk_bytes": report.chunk_bytes,
            "record_bytes": report.record_bytes,
            "bytes": report.size_bytes,
        }
        click.echo(json.dumps(found))
        return
    click.echo(f"{'alone':>10}  {'shared':>10}  {'records':>10}")
    for flow, used in report.flows.items():
        click.echo(_line(used, flow))
        for (of_flow, run_id), used_by_run in report.runs.items():
            if of_flow == flow:
                click.echo(_line(used_by_run, f"  {flow}/{run_id}"))
    click.echo(f"{human_bytes(report.size_bytes)} in all, what is shared counted once")


def _line(used: "Usage", name: str) -> str:
    sizes = (used.unshared_bytes, used.shared_bytes, used.record_bytes)
    return "  ".join([*[f"{human_bytes(size):>10}" for size in sizes], name])
