"""`python flow.py resume`: go on where an older run ended."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import click
from click.core import ParameterSource

from flowstone_interfaces import FlowstoneError
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.run_options import run_options, split_options, start
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.command import CommandWithParameters, options_without_defaults
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.past_runs.origin import bind_origin
from flowstone_runtime.past_runs.resume import ResumeRequest
from flowstone_runtime.user_decorators.mutators import flow_mutations

_GIVEN = {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.PROMPT}


class _Resume(CommandWithParameters):
    """Mutators add parameters by the configs of the older run: that is looked for before the rest is read."""

    def __init__(self, flow: type[FlowSpec], name: str, asked: Sequence[click.Option], **fields: Any) -> None:
        super().__init__(name, asked, **fields)
        self.flow = flow

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        context = ctx.find_object(CommandContext)
        if context is not None and flow_mutations(self.flow):
            with suppress(FlowstoneError):  # told when it is resumed; the help is there all the same
                bind_origin(self.flow, ResumeRequest(_origin_of(args)), context.settings)
                self.ask(options_without_defaults(self.flow, parameters_of(self.flow)))
        return super().parse_args(ctx, args)


def _origin_of(args: Sequence[str]) -> str | None:
    for word, following in zip_longest(args, args[1:]):
        name, equals, value = word.partition("=")
        if name == "--origin-run-id":
            return value if equals else following
    return None


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

    return _Resume(
        flow,
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
                help="The run to resume; else your newest that has ended.",
            ),
            *run_options(),
        ],
    )
