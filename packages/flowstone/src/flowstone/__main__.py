"""The `flowstone` program: what concerns no single flow."""

import sys
from importlib.metadata import version

import click

from flowstone.completion_command import completion
from flowstone.config_command import config
from flowstone.debug_command import debug
from flowstone.delete_command import delete
from flowstone.diff_command import diff
from flowstone.du_command import du
from flowstone.env_command import env
from flowstone.event_command import event
from flowstone.fsck_command import fsck
from flowstone.gc_command import gc
from flowstone.plugins_command import COMMAND_GROUP, plugins
from flowstone.reproduce_command import reproduce
from flowstone.runs_command import runs
from flowstone.status_command import status
from flowstone_interfaces.plugins import BrokenPluginError, installed_plugins, load_plugin
from flowstone_runtime.command_line.group import CommandGroup, run_group


class _Program(CommandGroup):
    """Our own commands, then those of plugins; a broken plugin is a warning and stops nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys([*super().list_commands(ctx), *sorted(installed_plugins(COMMAND_GROUP))]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in installed_plugins(COMMAND_GROUP):
            return own
        try:
            command = load_plugin(COMMAND_GROUP, cmd_name)
        except BrokenPluginError as error:
            click.echo(f"warning: {error}", err=True)
            return None
        if isinstance(command, click.Command):
            return command
        click.echo(f"warning: the plugin {cmd_name!r} of {COMMAND_GROUP} is no click command", err=True)
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


@program.command("version")
def show_version() -> None:
    """Print the version."""
    click.echo(f"flowstone {version('flowstone')}, Python {sys.version.split()[0]}")


for _command in (
    status,
    runs,
    diff,
    debug,
    reproduce,
    env,
    du,
    gc,
    fsck,
    delete,
    config,
    event,
    plugins,
    completion,
):
    program.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run the program, and end the process with its exit code: 0, 1 (it failed) or 2 (wrong usage)."""
    sys.exit(run_group(program, sys.argv[1:] if arguments is None else arguments, "flowstone"))


if __name__ == "__main__":
    main()
