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
        inspect_spin,
        metadata,
        namespace,
    )
    from flowstone_datastore.s3 import S3
    from flowstone_datastore.tables import read_frame as read_frame  # not in `__all__`: they load pyarrow
    from flowstone_datastore.tables import scan_frame as scan_frame
    from flowstone_datastore.tables import write_frame as write_frame
    from flowstone_interfaces import FlowstoneError
    from flowstone_runtime import (
        USER_SKIP_STEP,
        CaughtError,
        Config,
        ConfigValue,
        FlowMutator,
        FlowSpec,
        IncludeFile,
        JSONType,
        JSONTypeClass,
        NBRunner,
        Parameter,
        Runner,
        StepMutator,
        StepTimeoutError,
        UserStepDecorator,
        catch,
        conda,
        conda_base,
        conda_environment_yml_parser,
        config_expr,
        current,
        environment,
        exit_hook,
        namespaced_event_name,
        parallel,
        parallel_imap_unordered,
        parallel_map,
        profile,
        project,
        pypi,
        pypi_base,
        pyproject_toml_parser,
        requirements_txt_parser,
        resources,
        retry,
        schedule,
        secrets,
        step,
        timeout,
        trigger,
        trigger_on_finish,
        user_step_decorator,
        yaml_parser,
    )

__all__ = [
    "S3",
    "USER_SKIP_STEP",
    "AllFlows",
    "CaughtError",
    "Client",
    "Config",
    "ConfigValue",
    "DataArtifact",
    "Flow",
    "FlowMutator",
    "FlowSpec",
    "FlowstoneError",
    "IncludeFile",
    "JSONType",
    "JSONTypeClass",
    "Metaflow",
    "NBRunner",
    "Parameter",
    "Run",
    "Runner",
    "Step",
    "StepMutator",
    "StepTimeoutError",
    "Task",
    "UserStepDecorator",
    "catch",
    "conda",
    "conda_base",
    "conda_environment_yml_parser",
    "config_expr",
    "current",
    "default_metadata",
    "default_namespace",
    "environment",
    "exit_hook",
    "get_metadata",
    "get_namespace",
    "inspect_spin",
    "metadata",
    "namespace",
    "namespaced_event_name",
    "parallel",
    "parallel_imap_unordered",
    "parallel_map",
    "profile",
    "project",
    "pypi",
    "pypi_base",
    "pyproject_toml_parser",
    "requirements_txt_parser",
    "resources",
    "retry",
    "schedule",
    "secrets",
    "step",
    "timeout",
    "trigger",
    "trigger_on_finish",
    "user_step_decorator",
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
        "inspect_spin",
        "metadata",
        "namespace",
    ),
    "flowstone_datastore.s3": ("S3",),
    "flowstone_datastore.tables": ("read_frame", "scan_frame", "write_frame"),
    "flowstone_interfaces": ("FlowstoneError",),
    "flowstone_runtime": (
        "USER_SKIP_STEP",
        "CaughtError",
        "Config",
        "ConfigValue",
        "FlowMutator",
        "FlowSpec",
        "IncludeFile",
        "JSONType",
        "JSONTypeClass",
        "NBRunner",
        "Parameter",
        "Runner",
        "StepMutator",
        "StepTimeoutError",
        "UserStepDecorator",
        "catch",
        "conda",
        "conda_base",
        "conda_environment_yml_parser",
        "config_expr",
        "current",
        "environment",
        "exit_hook",
        "namespaced_event_name",
        "parallel",
        "parallel_imap_unordered",
        "parallel_map",
        "profile",
        "project",
        "pypi",
        "pypi_base",
        "pyproject_toml_parser",
        "requirements_txt_parser",
        "resources",
        "retry",
        "schedule",
        "secrets",
        "step",
        "timeout",
        "trigger",
        "trigger_on_finish",
        "user_step_decorator",
        "yaml_parser",
    ),
}
_TO_COME = frozenset(
    {"batch", "card", "kubernetes", "pytorch_parallel"} | {"Deployer", "DeployedFlow", "NBDeployer"}
)
"""What Metaflow has and flowstone does not have yet."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _TO_COME:
        raise ImportError(f"flowstone has no {name} yet: it is to come, see docs/coming-from-metaflow.md")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
