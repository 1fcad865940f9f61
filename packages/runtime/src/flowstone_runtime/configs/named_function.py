"""A function given by name: `parser="my_module.parse"`."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flowstone_runtime.errors import UsageError


def named_function(function: Callable[..., Any] | str) -> Callable[..., Any]:
    """The function that is called `module.function`; a function as it is.

    Raises:
        UsageError: there is none of this name.
    """
    if callable(function):
        return function
    module_name, _, name = function.rpartition(".")
    if not module_name or function.startswith("."):
        raise UsageError(f"the parser {function!r} is no module and function; write 'module.function'")
    try:
        found = getattr(import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the parser {function!r} is not there: {error}; correct the name") from error
    if not callable(found):
        raise UsageError(f"the parser {function!r} is no function but a {type(found).__name__}; name a function")
    return found  # type: ignore[no-any-return]  # callable says nothing of what it gives
