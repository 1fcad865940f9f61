"""`python -m flowstone_sandbox`: the command, where the `flowstone` program is not installed."""

import sys

import click

from flowstone_interfaces import FlowstoneError
from flowstone_sandbox.command import sandbox


def main() -> None:
    """Run the command, and end the process with its exit code: 0, 1 (it failed) or 2 (wrong usage)."""
    try:
        result = sandbox.main(prog_name="flowstone sandbox", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except FlowstoneError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


if __name__ == "__main__":
    main()
