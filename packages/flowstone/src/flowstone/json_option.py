"""`--json`: what a command prints, for programs."""

import json
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Print one value on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))
