"""What can be wrong with how a parameter is declared, as far as that shows without click."""

import json
from typing import TYPE_CHECKING, Any

from flowstone_runtime.configs.expressions import is_delayed

if TYPE_CHECKING:
    from flowstone_runtime.parameters.parameter import Parameter


def fault_of_separator(parameter: "Parameter") -> str | None:
    """Why the parameter cannot be a list of texts with its separator between them, if it cannot."""
    separator, options = parameter.separator, parameter.click_options
    if separator is None:
        return None
    if not separator:
        return "its separator is an empty text; give one that is not empty"
    if parameter.type not in (None, str):
        return "a separator splits texts only; drop type, or separator"
    if options.get("multiple") or options.get("nargs", 1) != 1:
        return "it has a separator and takes several values; drop one of the two"
    return _fault_of_items(parameter.default, separator)


def _fault_of_items(default: Any, separator: str) -> str | None:
    if default is None or isinstance(default, str) or _is_known_later(default):
        return None
    if not isinstance(default, list | tuple) or not all(isinstance(item, str) for item in default):
        return f"its default is {default!r}; with a separator, give a list of texts, or one text"
    if any(separator in item for item in default):
        return f"an item of its default has the separator {separator!r} in it; choose another separator"
    return None


def fault_of_default(parameter: "Parameter") -> str | None:
    """Why nobody could write the default on a command line, if so."""
    default = parameter.default
    if _is_known_later(default) or parameter.click_options or parameter.separator:
        return None
    if isinstance(default, list | dict):
        try:
            json.dumps(default)
        except (TypeError, ValueError) as error:
            return f"its default is not JSON ({error}); give one that is, or set it in a step"
    elif parameter.type is None and isinstance(default, tuple | set | frozenset | bytes | bytearray):
        kind = type(default).__name__
        return f"nobody can write its default, a {kind}, on a command line; use a list, or give type="
    return None


def _is_known_later(default: Any) -> bool:
    return callable(default) or is_delayed(default)
