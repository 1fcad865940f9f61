"""FlowSpec, the task runner, the local scheduler and the command line of flowstone."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowstone_runtime.current import current
from flowstone_runtime.flowspec import FlowSpec, step
from flowstone_runtime.parameters import Parameter

if TYPE_CHECKING:
    from flowstone_runtime.decorators import (
        CaughtError,
        StepTimeoutError,
        catch,
        environment,
        parallel,
        resources,
        retry,
        secrets,
        timeout,
    )
    from flowstone_runtime.json_type import JSONType, JSONTypeClass

__all__ = [
    "CaughtError",
    "FlowSpec",
    "JSONType",
    "JSONTypeClass",
    "Parameter",
    "StepTimeoutError",
    "catch",
    "current",
    "environment",
    "parallel",
    "resources",
    "retry",
    "secrets",
    "step",
    "timeout",
]


def _start_command_line(flow: type[FlowSpec]) -> None:
    from flowstone_runtime.command_line import run_command_line

    run_command_line(flow)


FlowSpec._flowstone_command_line = staticmethod(_start_command_line)  # noqa: SLF001 - flowspec.py says why

_MODULES = {
    "decorators": (
        *("CaughtError", "StepTimeoutError", "catch", "environment", "parallel", "resources", "retry", "secrets"),
        "timeout",
    ),
    "json_type": ("JSONType", "JSONTypeClass"),
}
"""What not every flow needs is loaded when it is asked for."""
_LAZY = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
