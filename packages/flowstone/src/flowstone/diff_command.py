"""`flowstone diff RUN RUN`: what differs between two runs."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from flowstone.opened_store import opened_store
from flowstone.quantities import human_bytes

if TYPE_CHECKING:
    from flowstone_client.run_diff import RunDifference, ValueDifference, ValueFacts


@click.command()
@click.argument("first", metavar="FLOW/RUN")
@click.argument("second", metavar="FLOW/RUN")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-values", is_flag=True, help="Load no value: compare by content, tell type and size.")
@click.pass_obj
def diff(options: dict[str, str | None], first: str, second: str, as_json: bool, no_values: bool) -> None:
    """Say what differs between two runs: code, parameters, environment, values, times."""
    from flowstone_client import Client, Run

    client = Client(opened_store(options))
    found = Run(first, client=client).diff(Run(second, client=client), loads=not no_values)
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    for line in _told(found):
        click.echo(line)


def _told(found: "RunDifference") -> Iterator[str]:
    yield f"{found.first} ({found.states[0]})  ->  {found.second} ({found.states[1]})"
    yield from _part("code", str(found.code).splitlines())
    yield from _part("parameters", [_value(difference) for difference in found.parameters])
    yield from _part("environment", [f"{name}: {_both(*pair)}" for name, pair in found.environment.items()])
    yield from _part("artifacts", [_value(difference) for difference in found.artifacts])
    rows = [
        f"{times.step}: {_both(*(f'{seconds:.2f} s' for seconds in times.seconds))}"
        + (f" in {_both(*times.tasks)} tasks" if times.tasks[0] != times.tasks[1] else "")
        for times in found.times
    ]
    yield from _part("times", rows)


def _part(name: str, lines: list[str]) -> Iterator[str]:
    yield f"{name}: " + ("" if lines else "the same")
    yield from (f"  {line}" for line in lines)


def _both(first: Any, second: Any) -> str:
    return f"{first} -> {second}"


def _value(difference: "ValueDifference") -> str:
    text = f"{difference.name}: {_both(_facts(difference.first), _facts(difference.second))}"
    if difference.where:
        text += f"  (from {difference.where} on, in {difference.tasks} tasks)"
    return text


def _facts(facts: "ValueFacts | None") -> str:
    if facts is None:
        return "(none)"
    shape = f" {facts.shape}" if facts.shape else ""
    return facts.value or f"{facts.type.removeprefix('builtins.')}{shape}, {human_bytes(facts.size)}"
