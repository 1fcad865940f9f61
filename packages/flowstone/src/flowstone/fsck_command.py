"""`flowstone fsck`: verifies a store."""

import json

import click

from flowstone.opened_store import opened_store
from flowstone.quantities import human_bytes


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def fsck(options: dict[str, str | None], as_json: bool) -> int:
    """Read every record, log and chunk; name what is damaged and whom that touches.

    Ends with 1 if anything is damaged. Strays, which no store wrote, are named and are no damage. Runs may
    be written meanwhile.
    """
    from flowstone_datastore.findings import Damage
    from flowstone_datastore.store_check import check

    report = check(opened_store(options))
    damage = [finding for finding in report.findings if isinstance(finding, Damage)]
    strays = [finding for finding in report.findings if not isinstance(finding, Damage)]
    if as_json:
        found = {
            "damage": [{"where": item.where, "detail": item.detail, "touches": item.touches} for item in damage],
            "strays": [{"where": item.where, "detail": item.detail} for item in strays],
            "runs": report.runs,
            "records": report.records,
            "chunks": report.chunks,
            "bytes": report.chunk_bytes,
            "unreachable_chunks": report.unreachable_chunks,
        }
        click.echo(json.dumps(found))
    else:
        for item in damage:
            click.echo(f"damaged: {item.where}: {item.detail}")
            for owner in item.touches:
                click.echo(f"  touches {owner}")
        for stray in strays:
            click.echo(f"stray: {stray}")
        click.echo(
            f"{report.runs} runs, {report.records} records, {report.chunks} chunks "
            f"({human_bytes(report.chunk_bytes)}) read; {report.unreachable_chunks} chunks used by no run; "
            f"{len(damage) or 'nothing'} damaged"
        )
    return 0 if report.is_clean else 1
