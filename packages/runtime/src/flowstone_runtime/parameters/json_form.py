"""A parameter type: JSON of a declared form, such as `list[int]`."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import click

from flowstone_runtime.parameters.json_type import JSONTypeClass


class JSONOf(JSONTypeClass):
    """JSON of a declared form: `list[int]`, `dict[str, float]`."""

    def __init__(self, form: Any) -> None:
        self.form = form
        self.name = f"JSON {form_name(form)}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text and check its form."""
        data = super().convert(value, param, ctx)
        if not has_form(data, self.form):
            self.fail(f"{value!r} is no {form_name(self.form)}", param, ctx)
        return data

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows in place of the value."""
        return self.name


def has_form(data: Any, form: Any) -> bool:
    """True if JSON data is of the form that a type says.

    >>> has_form([1, 2], list[int]), has_form([1, "2"], list[int])
    (True, False)
    """
    origin, arguments = get_origin(form) or form, get_args(form)
    if origin in (Union, types.UnionType):
        return any(has_form(data, kind) for kind in arguments)
    if origin is Literal:
        return data in arguments
    if origin is list:
        return isinstance(data, list) and all(has_form(item, kind) for kind in arguments for item in data)
    if origin is dict:
        kinds = arguments[1:]
        return isinstance(data, dict) and all(has_form(item, kind) for kind in kinds for item in data.values())
    return _is_a(data, origin)


def form_name(form: Any) -> str:
    """The form as it is written in the flow."""
    return form.__name__ if isinstance(form, type) and not get_args(form) else str(form).replace("typing.", "")


def _is_a(data: Any, kind: Any) -> bool:
    """As `isinstance`, but a truth value is no number and a whole number is a number."""
    if kind in (Any, object):
        return True
    if isinstance(data, bool):
        return kind is bool
    return isinstance(data, int | float if kind is float else kind)
