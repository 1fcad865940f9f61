"""`--json`: what a command prints, for programs."""

import json
from typing import Any

import click


def json_option() -> click.Option:
    """The option; the command's function is given `as_json`."""
    return click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Print one value on one line, so that many can follow each other."""
    click.echo(json.dumps(value, ensure_ascii=False))
