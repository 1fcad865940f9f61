"""How a command line of ours ends: its exit code, its one sentence on what went wrong."""

import sys
from typing import Any

import click

from flowstone_datastore import DamagedChunkError, DamagedLogError, DamagedRecordError, MissingChunkError
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.reporting.output import drop_output

_DAMAGE = (DamagedChunkError, DamagedLogError, DamagedRecordError, MissingChunkError)

COMPLETION_VARIABLE = "_FLOWSTONE_COMPLETE"
"""With it, a shell asks any command line of ours what may come next."""


class CommandGroup(click.Group):
    """Commands whose reader may go away, and that say which they are when asked for another."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a reader that is gone can be told from a fault; not at exit
        except BrokenPipeError:  # `... | head`: the reader has seen enough
            drop_output(sys.stdout)
            return 0
        return result

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the names of those that there are."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; there are {', '.join(known)}")
        return super().resolve_command(ctx, args)


def run_group(group: click.Group, arguments: list[str], program_name: str) -> int:
    """Run what the arguments ask for; the exit code.

    0: success. 1: it failed, or could not go on. 2: wrong usage, nothing was done. An error
    is told on standard error.
    """
    try:
        result = group.main(
            arguments, prog_name=program_name, complete_var=COMPLETION_VARIABLE, standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        click.echo("stopped", err=True)
        return 1
    except FlowstoneError as error:
        click.echo(f"error: {error}", err=True)
        return exit_code_of(error)
    return result if isinstance(result, int) else 0


def exit_code_of(error: FlowstoneError) -> int:
    """1 for what went wrong on the way (a full disk, damage), 2 for what should be asked differently."""
    if isinstance(error, _DAMAGE):
        return 1
    return 1 if isinstance(error, OSError) and not isinstance(error, LookupError) else 2
