"""A parameter as an option of the `run` command."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from flowstone_runtime.configs.config_value import ConfigValue
from flowstone_runtime.configs.expressions import is_delayed, resolve
from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.context import ParameterContext, computed_default, store_kind
from flowstone_runtime.parameters.flag_values import with_flag_value
from flowstone_runtime.parameters.types import SeparatedTexts, click_type_of, text_of_default

if TYPE_CHECKING:
    from flowstone_runtime.parameters.parameter import Parameter


class ParameterOption(click.Option):
    """An option whose type may be any function: whatever it raises is the fault of the text."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Take the value, also that of a flag in one word: `--fast=false`."""
        return super().handle_parse_result(ctx, with_flag_value(ctx, self, opts), args)

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert what was given."""
        try:
            return super().type_cast_value(ctx, value)
        except (click.ClickException, UsageError):
            raise
        except Exception as error:
            raise click.BadParameter(f"{value!r}: {type(error).__name__}: {error}", ctx, self) from error


def parameter_option(
    parameter: "Parameter",
    configs: Mapping[str, Any] | None,
    file_type: click.ParamType | None = None,  # type: ignore[type-arg]  # generic in newer clicks only
    find: Callable[[Any], Any] | None = None,
) -> click.Option:
    """The option; `configs` are the flow's, for a default that one of them gives; `None` if nobody has read them.

    `file_type` is the type of an option that names a file; `find` makes the path of its default, which
    needs to be there only if it counts.

    Raises:
        UsageError: the type, the default or what goes to click cannot work.
    """
    where = f"{parameter.place}: {type(parameter).__name__}({parameter.name!r})"
    try:
        default = _resolved(parameter, configs)
        is_static = not callable(default)
        if find is not None and is_static:
            default = find(default)
        fields = {"help": parameter.help, **parameter.click_options}
        fields["envvar"] = [parameter.variable, *_texts(fields.get("envvar"))]
        if (kind := file_type or _type_of(parameter, default if is_static else None)) is not None:
            fields["type"] = kind
        fields |= _fields_of_default(parameter, default, fields, find)
        option = ParameterOption(
            [f"--{parameter.name}", parameter.attribute], required=parameter.required, **fields
        )
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:  # all of them are click's way to refuse
        raise UsageError(f"{where}: click refuses it: {error}; correct the declaration") from error
    if not option.expose_value:
        raise UsageError(f"{where}: expose_value=False hides the value from the flow; leave it out")
    if "default" in fields and is_static and file_type is None:
        _check_default(where, option, default)
    return option


def _type_of(parameter: "Parameter", default: Any) -> Any:
    """What click converts with; `None` where click finds out by itself."""
    if parameter.separator is not None:
        return SeparatedTexts(parameter.separator)
    if parameter.type is None and _is_for_click(parameter.click_options):
        return None
    return click_type_of(parameter.type, None if is_delayed(default) else default)


def _fields_of_default(
    parameter: "Parameter", default: Any, fields: Mapping[str, Any], find: Callable[[Any], Any] | None
) -> dict[str, Any]:
    """`default` and `show_default` of the option.

    A default of `None` is a value to click, and makes a required option an optional one: without one, there
    is no field.
    """
    is_shown = parameter.show_default
    if default is None:
        return {"show_default": False}
    if is_delayed(default):  # in the help of a flow whose configs cannot be read
        return {"show_default": repr(default) if is_shown else False}
    if callable(default):
        return {"default": _computed(parameter, default, find), "show_default": "computed" if is_shown else False}
    if fields.get("multiple") or fields.get("nargs", 1) != 1:
        return {"default": default, "show_default": is_shown}
    return {"default": text_of_default(fields.get("type"), default), "show_default": is_shown}


def _resolved(parameter: "Parameter", configs: Mapping[str, Any] | None) -> Any:
    default = parameter.default
    if configs is not None:
        default = resolve(default, configs)
    return default.to_dict() if isinstance(default, ConfigValue) else default


def _is_for_click(options: Mapping[str, Any]) -> bool:
    """True if click knows better what the type is: that of a flag, of the items of several values."""
    several = options.get("multiple") or options.get("nargs", 1) != 1
    return bool(several or options.get("is_flag") or options.get("count") or "flag_value" in options)


def _texts(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _computed(parameter: "Parameter", function: Any, find: Callable[[Any], Any] | None) -> Any:
    """The function without arguments that click calls when no value is given; the result is remembered."""

    @cache
    def default() -> Any:
        ctx = click.get_current_context()
        line = ctx.obj  # a CommandContext; nothing in a test of the option alone
        flow = getattr(line, "flow", None)
        settings = getattr(line, "settings", None)
        context = ParameterContext(
            flow_name=getattr(flow, "__name__", ""),
            user_name=getattr(settings, "user", ""),
            parameter_name=parameter.name,
            configs=getattr(flow, "_flowstone_configs", {}),
            logger=_say,
            ds_type=store_kind(getattr(settings, "store", "")),
        )
        value = computed_default(function, context, parameter.place, type(parameter).__name__)
        if find is not None:
            return find(value)
        if parameter.type is None and value is not None and not _is_for_click(parameter.click_options):
            _check_text(parameter, value)
        return value

    return default


def _check_text(parameter: "Parameter", value: Any) -> None:
    """Without a declared type, the command line would give a text and the function something else."""
    if isinstance(value, str) or (parameter.separator is not None and isinstance(value, list)):
        return
    kind = type(value).__name__
    advice = "JSONType" if isinstance(value, list | dict) else kind
    raise UsageError(
        f"{parameter.place}: {type(parameter).__name__}({parameter.name!r}): the function for its default gives "
        f"{value!r} of type {kind} where a text is expected; declare type={advice}"
    )


def _check_default(where: str, option: click.Option, default: Any) -> None:
    """Refuse a default that is none of the type, or loses something on the way to it."""
    ctx = click.Context(click.Command("run"))
    try:
        converted = option.type_cast_value(ctx, option.default)
    except click.BadParameter as error:
        reason = error.message.rstrip(".")
        raise UsageError(f"{where}: its default cannot be used: {reason}; correct the default") from error
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    if is_number and isinstance(converted, int | float) and converted != default:
        raise UsageError(
            f"{where}: its default {default!r} is no {type(converted).__name__}; correct the default or the type"
        )


def _say(text: str) -> None:
    click.echo(text, err=True)
