"""`python flow.py resume`: go on where an older run ended."""

from typing import Any

import click
from click.core import ParameterSource

from flowstone_runtime.command_context import CommandContext
from flowstone_runtime.commands.run_options import run_options, split_options, start
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameter_command import CommandWithParameters, options_without_defaults
from flowstone_runtime.parameters import parameters_of
from flowstone_runtime.resume import ResumeRequest

_GIVEN = {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.PROMPT}


def command(flow: type[FlowSpec]) -> click.Command:
    """The command, with an option for each parameter of the flow: what is given differs from the old run."""

    @click.pass_context
    def resume(
        ctx: click.Context, /, flowstone_step: str | None, flowstone_origin_run_id: str | None, **values: Any
    ) -> int:
        context: CommandContext = ctx.obj
        own, options = split_options(values)
        given = {name: value for name, value in own.items() if ctx.get_parameter_source(name) in _GIVEN}
        request = ResumeRequest(flowstone_origin_run_id, flowstone_step)
        return start(context, given, options, request)

    return CommandWithParameters(
        "resume",
        options_without_defaults(flow, parameters_of(flow)),
        callback=resume,
        help=(
            "Go on where an older run ended. Take over the tasks that finished, run the others. With STEP, run "
            "that step and what follows again, too. A parameter that is given anew runs again what read it."
        ),
        params=[
            click.Argument(["flowstone_step"], required=False, metavar="[STEP]"),
            click.Option(
                ["--origin-run-id", "flowstone_origin_run_id"],
                metavar="RUN",
                help="The run to resume; else your newest.",
            ),
            *run_options(),
        ],
    )
