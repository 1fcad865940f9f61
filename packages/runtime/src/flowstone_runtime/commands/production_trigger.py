"""`python flow.py step-functions trigger --alpha 0.2`: start a run of what is deployed."""

import json
import time
from typing import Any

import click

from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.command import CommandWithParameters, options_without_defaults
from flowstone_runtime.parameters.included_content import IncludedContent
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.production.given_parameters import STORED
from flowstone_runtime.production.on_scheduler import OnScheduler

_PREFIX = "flowstone_"
_GIVEN = f"{__name__}.given"


class _Trigger(CommandWithParameters):
    """Keeps what was given as it was written: the deployed flow reads it with its own types."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Check it with the types of the flow as it is here, too."""
        words = list(args)
        rest = super().parse_args(ctx, args)
        parser = self.make_parser(ctx)
        options = {option.name for option in self.asked}
        written, _, _ = parser.parse_args([word for word in words if not _is_flag_value(word, self.asked)])
        ctx.meta[_GIVEN] = {name: value for name, value in written.items() if name in options}
        return rest


def _is_flag_value(word: str, options: tuple[click.Option, ...]) -> bool:
    flags = {text for option in options if option.is_bool_flag for text in option.opts}
    return word.partition("=")[0] in flags and "=" in word


def trigger_command(flow: type[FlowSpec], scheduler: str) -> click.Command:
    """The command, with an option for each parameter of the flow."""
    parameters = parameters_of(flow)

    @click.pass_context
    def trigger(ctx: click.Context, /, **values: Any) -> int:
        context: CommandContext = ctx.obj
        there = OnScheduler.of(context, scheduler, values[f"{_PREFIX}name"])
        deployed = there.deployed()
        given: dict[str, Any] = {}
        for parameter in parameters:
            source = ctx.get_parameter_source(parameter.attribute)
            if source is not click.core.ParameterSource.COMMANDLINE:
                continue
            value = values[parameter.attribute]
            if isinstance(value, IncludedContent):
                written: Any = {STORED: value.save(there.datastore.artifacts).to_json()}
            elif isinstance(value, bool):
                written = value
            else:
                written = ctx.meta[_GIVEN][parameter.attribute]
            given[parameter.name] = written
        run_id = there.datastore.new_run_id(deployed.flow, time.time())
        text = json.dumps({"run": run_id, "parameters": given}, separators=(",", ":"))
        execution = there.scheduler.trigger(there.name, run_id, text)
        if values[f"{_PREFIX}as_json"]:
            print_json({"run": f"{deployed.flow}/{run_id}", "execution": execution, "store": there.datastore.url})
        else:
            click.echo(f"{deployed.flow}/{run_id}")
        return 0

    as_json = json_option()
    as_json.name = f"{_PREFIX}as_json"
    return _Trigger(
        "trigger",
        options_without_defaults(flow, parameters),
        callback=trigger,
        help="Start a run of what is deployed; what is not given is as it was when the flow was deployed.",
        params=[
            click.Option(["--name", f"{_PREFIX}name"], help="Which deployment; else as create calls it."),
            as_json,
        ],
    )
