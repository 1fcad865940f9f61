"""What `run` and `resume` have in common: how to run, whatever is run."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.reporting.plain_reporter import plain_reporter
from flowstone_runtime.reporting.reporter import Reporter
from flowstone_runtime.scheduling.local_run import OpenReporter, run_flow
from flowstone_runtime.scheduling.run_options import Isolation, RunOptions
from flowstone_runtime.scheduling.run_plan import DEFAULT_MAX_NUM_SPLITS

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.resume import ResumeRequest

_PREFIX = "flowstone_"
"""Of the names that options have in Python, so that a flow may have a parameter attribute of the same name."""


def run_options() -> list[click.Parameter]:
    """The options."""
    return [
        click.Option(
            ["--max-workers", f"{_PREFIX}max_workers"],
            type=click.IntRange(min=0),
            default=0,
            help="Tasks to run at once; 0 for one for each core, and for all that there are on other machines.",
        ),
        click.Option(
            ["--with", f"{_PREFIX}added"],
            multiple=True,
            metavar="NAME:OPTION=VALUE",
            help="Decorate every step that is not decorated so: --with retry:times=3. May be given several times.",
        ),
        click.Option(
            ["--keep-going", f"{_PREFIX}keeps_going"],
            is_flag=True,
            help="After a failure, run all that does not need the failed task.",
        ),
        click.Option(
            ["--max-num-splits", f"{_PREFIX}max_num_splits"],
            type=click.IntRange(min=1),
            default=DEFAULT_MAX_NUM_SPLITS,
            show_default=True,
            help="Stop at a foreach over more items: it is taken for a mistake.",
        ),
        click.Option(["--tag", f"{_PREFIX}tags"], multiple=True, help="Tag the run; may be given several times."),
        click.Option(
            ["--namespace", f"{_PREFIX}namespace"],
            metavar="TAG",
            help="In which steps look at other runs: a tag such as user:ada, or '' for all; else your own.",
        ),
        click.Option(
            ["--isolation", f"{_PREFIX}isolation"],
            type=click.Choice([isolation.value for isolation in Isolation]),
            default=Isolation.FORK.value,
            show_default=True,
            help="fork: a task is a fork of this process; spawn: a new interpreter; none: this process itself.",
        ),
        click.Option(
            ["--run-id-file", f"{_PREFIX}run_id_file"],
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the run's id to this file as soon as it is known.",
        ),
        click.Option(
            ["--pdb", f"{_PREFIX}has_debugger"],
            is_flag=True,
            help="Open a debugger where a step fails. Everything runs in this process, as with --isolation none.",
        ),
        click.Option(
            ["--json", f"{_PREFIX}as_json"], is_flag=True, help="Print each event of the run as a line of JSON."
        ),
    ]


def split_options(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of the flow, and options of the run by their field in `RunOptions`."""
    names = {option.name for option in run_options()}
    own = {name: value for name, value in values.items() if name not in names}
    options = {name.removeprefix(_PREFIX): value for name, value in values.items() if name in names}
    isolation = Isolation.NONE if options["has_debugger"] else Isolation(options["isolation"])
    return own, {**options, "isolation": isolation}


def start(
    context: CommandContext,
    parameters: Mapping[str, Any],
    options: Mapping[str, Any],
    resume: "ResumeRequest | None" = None,
) -> int:
    """Run the flow as the options say; the exit code."""
    as_json = options["as_json"]
    fields = {name: value for name, value in options.items() if name != "as_json"}
    run = RunOptions(
        parameters=parameters,
        resume=resume,
        flow_options=context.flow_options,
        announce=context.announce,
        environment=context.environment,
        **fields,
    )
    outcome = run_flow(context.flow, run, context.settings, _reporter(context, run, as_json=as_json))
    return 0 if outcome.state == "finished" else 1


def _reporter(context: CommandContext, run: RunOptions, *, as_json: bool) -> OpenReporter:
    if as_json:
        from flowstone_runtime.reporting.json_reporter import json_reporter

        return partial(json_reporter, sys.stdout)
    # Tasks that are not captured write to the terminal themselves: a live table would be in their way.
    if context.is_terminal and not context.is_quiet and run.isolation is not Isolation.NONE:
        return _live
    return partial(plain_reporter, sys.stdout, is_quiet=context.is_quiet)


def _live() -> AbstractContextManager[Reporter]:
    from flowstone_runtime.reporting.live_reporter import live_reporter

    return live_reporter()
