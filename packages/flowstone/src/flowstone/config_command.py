"""`flowstone config`: settings, and where they come from."""

import os
from pathlib import Path

import click

from flowstone.json_option import json_option, print_json


@click.group()
def config() -> None:
    """Settings: where they come from."""


@config.command("show")
@json_option
@click.pass_obj
def show(options: dict[str, str | None], as_json: bool) -> None:
    """Print every setting and where it came from."""
    from flowstone_client import Settings

    settings = Settings.load(Path.cwd(), os.environ, options)
    if as_json:
        found = {
            name: {"value": settings.value(name), "from": source} for name, source in settings.sources.items()
        }
        print_json({**found, "project": {"value": str(settings.project_root), "from": "the working folder"}})
        return
    for name, source in settings.sources.items():
        value = settings.value(name)
        shown = ", ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name:12} {shown}  ({source})")
    click.echo(f"{'project':12} {settings.project_root}")
