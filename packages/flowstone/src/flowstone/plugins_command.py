"""`flowstone plugins`: what is installed, from which package, and whether it loads."""

from collections.abc import Iterator
from typing import Any

import click

from flowstone.json_option import json_option, print_json
from flowstone_interfaces.plugins import BrokenPluginError, installed_plugins, load_plugin

COMMAND_GROUP = "flowstone.commands"
_GROUPS = (
    "flowstone.storage",
    "flowstone.serializers",
    "flowstone.executors",
    "flowstone.decorators",
    "flowstone.environments",
    "flowstone.deployers",
    COMMAND_GROUP,
)


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List what is installed, from which package, and whether it loads."""
    found = {group: list(_plugins_of(group)) for group in _GROUPS}
    if as_json:
        print_json(found)
        return
    for group, known in found.items():
        click.echo(group)
        for plugin in known:
            health = "ok" if plugin["error"] is None else f"BROKEN: {plugin['error']}"
            click.echo(f"  {plugin['name']:16} {plugin['value']}  ({plugin['package']})  {health}")


def _plugins_of(group: str) -> Iterator[dict[str, Any]]:
    for name, point in sorted(installed_plugins(group).items()):
        package = "unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
        yield {"name": name, "value": point.value, "package": package, "error": _fault(group, name)}


def _fault(group: str, name: str) -> str | None:
    try:
        load_plugin(group, name)
    except BrokenPluginError as error:
        return str(error.cause)
    return None
