"""What a function that computes a default is told, and how it is called."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_runtime.errors import UsageError


@attrs.frozen
class ParameterContext:
    """Who asks for a default: `default=lambda context: f"/data/{context.user_name}"`."""

    flow_name: str
    user_name: str
    parameter_name: str
    configs: Mapping[str, Any]
    """The flow's configs, by attribute."""
    logger: Callable[[str], None]
    """Says a line to the person who starts the run."""
    ds_type: str
    """Where the run is stored, in a word: `local`, `s3`."""


def computed_default(function: Callable[..., Any], context: ParameterContext, place: str, kind: str) -> Any:
    """What the function gives; it takes the context, or nothing.

    Raises:
        UsageError: it fails.
    """
    try:
        return function(context) if _takes_context(function) else function()
    except Exception as error:
        raise UsageError(
            f"{place}: {kind}({context.parameter_name!r}): the function for its default fails"
            f"{_line_in(function, error)}: {type(error).__name__}: {error}; correct it, or give a value"
        ) from error


def store_kind(store: str) -> str:
    """`local` for a folder, else the scheme of the store's URL.

    >>> store_kind("s3://bucket/runs")
    's3'
    """
    scheme, mark, _ = store.partition("://")
    return scheme if mark and scheme != "file" else "local"


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some of Python's own do not say; none of them knows our context
        return False
    try:
        signature.bind(None)
    except TypeError:
        return False
    return not isinstance(function, type)


def _line_in(function: Callable[..., Any], error: BaseException) -> str:
    """Where in the function's own file it went wrong, for people."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" at {Path(str(file)).name}:{line}" if line else ""
