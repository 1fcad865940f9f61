"""The values of parameters that nobody gives: for a run that no command line has asked, and for a resumed one."""

from collections.abc import Sequence
from typing import Any

from flowstone_client.settings import Settings
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.parameter import Parameter


def default_values(
    flow: type[FlowSpec], parameters: Sequence[Parameter], settings: Settings, *, skips_required: bool = False
) -> dict[str, Any]:
    """Attribute to default, computed and converted as the command line would; variables are not looked at.

    With `skips_required`, parameters without a default are left out.

    Raises:
        UsageError: one is required, or its default cannot be used.
    """
    if not parameters:
        return {}
    import click

    from flowstone_runtime.command_line.context import CommandContext
    from flowstone_runtime.parameters.command import parameter_options

    values: dict[str, Any] = {}
    bind_configs(flow, bound_configs(flow))  # there are no others to come
    context = CommandContext(flow, settings, is_quiet=True, is_terminal=False)
    with click.Context(click.Command("run"), obj=context) as ctx:
        for parameter, option in zip(parameters, parameter_options(flow, parameters), strict=True):
            if parameter.required and skips_required:
                continue
            if parameter.required:
                raise UsageError(f"{flow.__name__}: the parameter {parameter.name!r} is required; give it a value")
            try:
                default = option.get_default(ctx) if parameter.has_default else None
                values[parameter.attribute] = option.type_cast_value(ctx, default)
            except click.BadParameter as error:
                where = f"{parameter.place}: {type(parameter).__name__}({parameter.name!r})"
                reason = error.message.rstrip(".")
                raise UsageError(f"{where}: its default cannot be used: {reason}; give a value") from error
    return values
