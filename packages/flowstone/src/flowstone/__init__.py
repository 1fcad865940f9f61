"""From a Python class on a laptop to production: `from flowstone import FlowSpec, step`.

The front door: every public name, each loaded from its package when it is first asked
for, so that importing flowstone costs a script next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowstone_client import (
        AllFlows,
        Client,
        DataArtifact,
        Flow,
        Metaflow,
        Run,
        Step,
        Task,
        default_metadata,
        default_namespace,
        get_metadata,
        get_namespace,
        metadata,
        namespace,
    )
    from flowstone_interfaces import FlowstoneError
    from flowstone_runtime import (
        CaughtError,
        Config,
        ConfigValue,
        FlowSpec,
        IncludeFile,
        JSONType,
        JSONTypeClass,
        Parameter,
        StepTimeoutError,
        catch,
        conda_environment_yml_parser,
        config_expr,
        current,
        environment,
        parallel,
        pyproject_toml_parser,
        requirements_txt_parser,
        resources,
        retry,
        secrets,
        step,
        timeout,
        yaml_parser,
    )

__all__ = [
    "AllFlows",
    "CaughtError",
    "Client",
    "Config",
    "ConfigValue",
    "DataArtifact",
    "Flow",
    "FlowSpec",
    "FlowstoneError",
    "IncludeFile",
    "JSONType",
    "JSONTypeClass",
    "Metaflow",
    "Parameter",
    "Run",
    "Step",
    "StepTimeoutError",
    "Task",
    "catch",
    "conda_environment_yml_parser",
    "config_expr",
    "current",
    "default_metadata",
    "default_namespace",
    "environment",
    "get_metadata",
    "get_namespace",
    "metadata",
    "namespace",
    "parallel",
    "pyproject_toml_parser",
    "requirements_txt_parser",
    "resources",
    "retry",
    "secrets",
    "step",
    "timeout",
    "yaml_parser",
]

_HOMES = {
    "flowstone_client": (
        "AllFlows",
        "Client",
        "DataArtifact",
        "Flow",
        "Metaflow",
        "Run",
        "Step",
        "Task",
        "default_metadata",
        "default_namespace",
        "get_metadata",
        "get_namespace",
        "metadata",
        "namespace",
    ),
    "flowstone_interfaces": ("FlowstoneError",),
    "flowstone_runtime": (
        "CaughtError",
        "Config",
        "ConfigValue",
        "FlowSpec",
        "IncludeFile",
        "JSONType",
        "JSONTypeClass",
        "Parameter",
        "StepTimeoutError",
        "catch",
        "conda_environment_yml_parser",
        "config_expr",
        "current",
        "environment",
        "parallel",
        "pyproject_toml_parser",
        "requirements_txt_parser",
        "resources",
        "retry",
        "secrets",
        "step",
        "timeout",
        "yaml_parser",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
