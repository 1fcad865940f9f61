"""The command line of a flow file: `python train.py run --alpha 0.2`."""

import inspect
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import click

from flowstone_client.settings import Settings
from flowstone_runtime.code.patterns import suffix_patterns
from flowstone_runtime.command_line.context import DECLARED, ENVIRONMENTS, CommandContext
from flowstone_runtime.command_line.flow_options import flow_decorator_options, given_flow_options
from flowstone_runtime.command_line.group import CommandGroup, run_group
from flowstone_runtime.configs.options import config_options, read_configs
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.programs.announcement import announcer

# One module each in `commands`; imported only when asked for.
_COMMANDS = {
    "run": "Run the flow here.",
    "resume": "Go on where an older run ended.",
    "spin": "Run one task of an older run again, as its step is written now.",
    "check": "Say what is wrong with the flow, if anything.",
    "show": "Show the steps of the flow.",
    "output-dot": "Print the graph for Graphviz.",
    "dump": "Show what a run, a step or a task stored.",
    "logs": "Show what tasks wrote.",
    "tag": "Tag runs, and see how they are tagged.",
    "package": "See the code that a run keeps.",
}

_KNOWS_THE_RUN = frozenset({"dump", "logs", "package", "resume", "spin", "tag"})
"""Commands about a run that there is, which has its configs, stored; or about no value of a config."""


class _FlowCommands(CommandGroup):
    """The commands of one flow; each is built on demand, its options may depend on the flow."""

    def __init__(self, flow: type[FlowSpec], **fields: Any) -> None:
        super().__init__(**fields)
        self.flow = flow

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what it is may depend on the flow's configs, so they are read before."""
        is_own = args[0] in _COMMANDS  # asked first: to look for plugins takes milliseconds
        if args[0] not in _KNOWS_THE_RUN and (is_own or args[0] in self._schedulers()):
            read_configs(self.flow, ctx.params, os.environ, args)
        return click.Group.resolve_command(self, ctx, args) if is_own else super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *self._schedulers()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return self._scheduler_commands(cmd_name)
        module = import_module(f"flowstone_runtime.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command(self.flow)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))
        if schedulers := self._schedulers():
            with formatter.section("Production"):
                formatter.write_dl([(name, "The flow on this scheduler.") for name in schedulers])

    def _schedulers(self) -> tuple[str, ...]:
        """The production schedulers whose deployers are installed."""
        from flowstone_interfaces.plugins import installed_plugins

        return tuple(sorted(installed_plugins("flowstone.deployers")))

    def _scheduler_commands(self, name: str) -> click.Command | None:
        if name not in self._schedulers():
            return None
        from flowstone_runtime.commands.production import command

        return command(self.flow, name)


def run_command_line(flow: type[FlowSpec]) -> None:
    """Be the command line of `flow`, and end the process with its exit code.

    0: success. 1: the flow failed, or could not go on. 2: wrong usage, nothing ran.
    """
    sys.exit(_main(flow, sys.argv[1:], os.environ))


def _main(flow: type[FlowSpec], arguments: list[str], environ: Any) -> int:
    return run_group(_group(flow, environ), arguments, Path(sys.argv[0]).name)


def _group(flow: type[FlowSpec], environ: Any) -> click.Group:
    @click.pass_context
    def start(
        ctx: click.Context,
        /,
        store: str | None,
        profile: str | None,
        quiet: bool,
        package_suffixes: str | None,
        environment: str,
        **more: Any,
    ) -> None:
        folder = Path(inspect.getfile(flow)).resolve().parent  # of the file itself, not of a link to it
        settings = Settings.load(folder, environ, {"store": store, "profile": profile})
        if package_suffixes:
            below = folder.relative_to(settings.project_root).as_posix()
            settings = attrs.evolve(
                settings, package=(*settings.package, *suffix_patterns(package_suffixes, below))
            )
        is_terminal = sys.stdout.isatty() and not environ.get("CI")
        own = given_flow_options(more)
        ctx.obj = CommandContext(
            flow, settings, quiet, is_terminal, own, environment, announcer(environ, settings.store)
        )
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return _FlowCommands(
        flow,
        callback=start,
        invoke_without_command=True,
        help=inspect.cleandoc(flow.__doc__) if flow.__doc__ else f"The flow {flow.__name__}.",
        params=[
            click.Option(["--store"], help="Folder or URL of the store.", metavar="PLACE"),
            click.Option(["--profile"], help="Take settings from this profile.", metavar="NAME"),
            click.Option(
                ["--package-suffixes"],
                metavar="SUFFIXES",
                help="Keep files below the flow's folder that end so with its code: .sql,.yaml.",
            ),
            click.Option(
                ["--environment"],
                type=click.Choice(ENVIRONMENTS),
                default=DECLARED,
                show_default=True,
                help="declared (or pypi, or conda): steps run in what they declare; none: all run in this one.",
            ),
            click.Option(["--quiet"], is_flag=True, help="Print only what the command is asked for, and errors."),
            *config_options(flow),
            *flow_decorator_options(flow),
        ],
        context_settings={"help_option_names": ["-h", "--help"]},
    )
