"""`python flow.py run`: run the flow here, to its end."""

import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import click

from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.local_run import Isolation, RunOptions, run_flow
from flowstone_runtime.parameter_command import CommandWithParameters, parameter_options
from flowstone_runtime.parameters import parameters_of
from flowstone_runtime.plain_reporter import plain_reporter
from flowstone_runtime.reporter import Reporter


def command(flow: type[FlowSpec]) -> click.Command:
    """The command, with an option for each parameter of the flow."""
    parameters = parameters_of(flow)
    asked = parameter_options(flow, parameters)
    attributes = {parameter.attribute for parameter in parameters}

    @click.pass_obj
    def run(
        context: CommandContext,
        /,
        flowstone_tag: tuple[str, ...],
        flowstone_max_workers: int,
        flowstone_isolation: str,
        flowstone_run_id_file: Path | None,
        **values: Any,
    ) -> int:
        options = RunOptions(
            parameters={name: value for name, value in values.items() if name in attributes},
            tags=flowstone_tag,
            max_workers=flowstone_max_workers,
            isolation=Isolation(flowstone_isolation),
            run_id_file=flowstone_run_id_file,
        )
        # Tasks that are not captured write to the terminal themselves: a live table would be in their way.
        is_live = context.is_terminal and not context.is_quiet and options.isolation is not Isolation.NONE
        open_reporter = _live if is_live else partial(plain_reporter, sys.stdout, is_quiet=context.is_quiet)
        outcome = run_flow(flow, options, context.settings, open_reporter)
        return 0 if outcome.state == "finished" else 1

    return CommandWithParameters(
        "run",
        asked,
        callback=run,
        help="Run the flow here, to its end. Ctrl-C stops everything at once.",
        params=_run_options(),
    )


def _live() -> AbstractContextManager[Reporter]:
    from flowstone_runtime.live_reporter import live_reporter

    return live_reporter()


def _run_options() -> list[click.Parameter]:
    # Prefixed, so that a flow may have a parameter attribute of the same name.
    return [
        click.Option(
            ["--max-workers", "flowstone_max_workers"],
            type=click.IntRange(min=0),
            default=0,
            help="Tasks to run at once; 0 for one for each core.",
        ),
        click.Option(["--tag", "flowstone_tag"], multiple=True, help="Tag the run; may be given several times."),
        click.Option(
            ["--isolation", "flowstone_isolation"],
            type=click.Choice([isolation.value for isolation in Isolation]),
            default=Isolation.FORK.value,
            show_default=True,
            help="fork: a task is a fork of this process; spawn: a new interpreter; none: this process itself.",
        ),
        click.Option(
            ["--run-id-file", "flowstone_run_id_file"],
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the run's id to this file as soon as it is known.",
        ),
    ]
