"""A parameter type: any JSON value."""

import json
from typing import Any

import click


class JSONTypeClass(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """A parameter written as JSON on the command line: a list, a mapping, any nesting of them."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse text; anything else is a default written as Python and passes."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is not JSON: {error}", param, ctx)


JSONType = JSONTypeClass()
