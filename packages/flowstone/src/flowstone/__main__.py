"""The `flowstone` program: what concerns no single flow."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from flowstone.delete_command import delete
from flowstone.du_command import du
from flowstone.fsck_command import fsck
from flowstone.gc_command import gc
from flowstone.opened_store import opened_store
from flowstone_interfaces.plugins import BrokenPluginError, installed_plugins, load_plugin
from flowstone_runtime.command_group import CommandGroup, run_group

_COMMAND_GROUP = "flowstone.commands"
_GROUPS = (
    "flowstone.storage",
    "flowstone.serializers",
    "flowstone.executors",
    "flowstone.decorators",
    "flowstone.environments",
    "flowstone.deployers",
    _COMMAND_GROUP,
)


class _Program(CommandGroup):
    """Our own commands, then those of plugins; a broken plugin is a warning and stops nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys([*super().list_commands(ctx), *sorted(installed_plugins(_COMMAND_GROUP))]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in installed_plugins(_COMMAND_GROUP):
            return own
        try:
            command = load_plugin(_COMMAND_GROUP, cmd_name)
        except BrokenPluginError as error:
            click.echo(f"warning: {error}", err=True)
            return None
        if isinstance(command, click.Command):
            return command
        click.echo(f"warning: the plugin {cmd_name!r} of {_COMMAND_GROUP} is no click command", err=True)
        return None


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--store", metavar="PLACE", help="Folder or URL of the store.")
@click.option("--profile", metavar="NAME", help="Take settings from this profile.")
@click.pass_context
def program(ctx: click.Context, store: str | None, profile: str | None) -> None:
    """Look at what ran, at the settings, at what is installed.

    A flow has its own command line: python FLOW.py --help.
    """
    ctx.obj = {"store": store, "profile": profile}


@program.group()
def config() -> None:
    """Settings: where they come from."""


@config.command("show")
@click.pass_obj
def config_show(options: dict[str, str | None]) -> None:
    """Print every setting and where it came from."""
    settings = _settings(options)
    for name, source in settings.sources.items():
        click.echo(f"{name:12} {getattr(settings, name)}  ({source})")
    click.echo(f"{'project':12} {settings.project_root}")


@program.command()
@click.argument("flow", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many runs a flow."
)
@click.pass_obj
def runs(options: dict[str, str | None], flow: str | None, limit: int) -> None:
    """List the newest runs of FLOW, or of every flow."""
    from itertools import islice

    from flowstone_client import Client, Flow, flows

    client = Client(opened_store(options))
    found = [Flow(flow, client=client)] if flow else flows(client)
    for known in found:
        for run in islice(known, limit):
            tags = f"  {' '.join(sorted(run.user_tags))}" if run.user_tags else ""
            click.echo(
                f"{run.pathspec}  {run.state.value:9}  {run.created_at:%Y-%m-%d %H:%M:%S} UTC  {run.user}{tags}"
            )


@program.command()
def plugins() -> None:
    """List what is installed, from which package, and whether it loads."""
    for group in _GROUPS:
        click.echo(group)
        for name, point in sorted(installed_plugins(group).items()):
            click.echo(f"  {name:16} {point.value}  ({_package(point)})  {_health(group, name)}")


@program.command("version")
def show_version() -> None:
    """Print the version."""
    click.echo(f"flowstone {version('flowstone')}, Python {sys.version.split()[0]}")


for _command in (gc, fsck, du, delete):
    program.add_command(_command)


def _settings(options: dict[str, str | None]) -> Any:
    from flowstone_client.settings import Settings

    return Settings.load(Path.cwd(), os.environ, options)


def _package(point: Any) -> str:
    return "unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _health(group: str, name: str) -> str:
    try:
        load_plugin(group, name)
    except BrokenPluginError as error:
        return f"BROKEN: {error.cause}"
    return "ok"


def main(arguments: list[str] | None = None) -> None:
    """Run the program, and end the process with its exit code: 0, 1 (it failed) or 2 (wrong usage)."""
    sys.exit(run_group(program, sys.argv[1:] if arguments is None else arguments, "flowstone"))


if __name__ == "__main__":
    main()
