"""A run as commands take it: `Flow/run`."""

import click

from flowstone_interfaces.pathspec import InvalidPathspecError, Pathspec


def flow_and_run(run: str) -> tuple[str, str]:
    """The two parts.

    Raises:
        click.UsageError: it is no pathspec, or that of something else.
    """
    try:
        spec = Pathspec.parse(run)
    except InvalidPathspecError as error:
        raise click.UsageError(str(error)) from error
    if spec.run is None or spec.depth != 2:
        raise click.UsageError(f"{run!r} is no run; write Flow/run, as `flowstone runs` lists it")
    return spec.flow, spec.run
