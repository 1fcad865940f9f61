"""Look at what ran: flows, runs, steps, tasks and their artifacts.

    Flow("Train").latest_successful_run.data.model

Nothing is loaded before its value is asked for, and nothing is ever changed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowstone_client.all_flows import AllFlows, flows
    from flowstone_client.artifacts import Artifacts, NoSuchDataError
    from flowstone_client.client import Client
    from flowstone_client.client_in_use import (
        default_client,
        default_metadata,
        default_namespace,
        get_metadata,
        get_namespace,
        inspect_spin,
        metadata,
        namespace,
        use_client,
    )
    from flowstone_client.data_artifact import DataArtifact
    from flowstone_client.errors import (
        InvalidStreamError,
        NamespaceMismatchError,
        NoResultError,
        NotFoundError,
        NotStartedError,
        StillRunningError,
        WrongDepthError,
    )
    from flowstone_client.flow import Flow
    from flowstone_client.lineage import Lineage, LineageNode, MissingPackageError
    from flowstone_client.queries import InvalidQueryError, InvalidStateError
    from flowstone_client.run import Run
    from flowstone_client.run_code import CodeDifference, RunCode
    from flowstone_client.run_environment import Distribution, NoEnvironmentError, RunEnvironment
    from flowstone_client.settings import InvalidSettingsError, ProfileNotFoundError, Settings
    from flowstone_client.step import Step
    from flowstone_client.tags import InvalidTagError, SystemTagError, TooManyTagsError, check_tags
    from flowstone_client.task import Task
    from flowstone_client.task_metadata import Metadatum
    from flowstone_client.where import InvalidConditionError

    Metaflow = AllFlows

__all__ = [
    "AllFlows",
    "Artifacts",
    "Client",
    "CodeDifference",
    "DataArtifact",
    "Distribution",
    "Flow",
    "InvalidConditionError",
    "InvalidQueryError",
    "InvalidSettingsError",
    "InvalidStateError",
    "InvalidStreamError",
    "InvalidTagError",
    "Lineage",
    "LineageNode",
    "Metadatum",
    "Metaflow",
    "MissingPackageError",
    "NamespaceMismatchError",
    "NoEnvironmentError",
    "NoResultError",
    "NoSuchDataError",
    "NotFoundError",
    "NotStartedError",
    "ProfileNotFoundError",
    "Run",
    "RunCode",
    "RunEnvironment",
    "Settings",
    "Step",
    "StillRunningError",
    "SystemTagError",
    "Task",
    "TooManyTagsError",
    "WrongDepthError",
    "check_tags",
    "default_client",
    "default_metadata",
    "default_namespace",
    "flows",
    "get_metadata",
    "get_namespace",
    "inspect_spin",
    "metadata",
    "namespace",
    "use_client",
]

_MODULES = {
    "all_flows": ("AllFlows", "flows"),
    "artifacts": ("Artifacts", "NoSuchDataError"),
    "client": ("Client",),
    "data_artifact": ("DataArtifact",),
    "client_in_use": (
        "default_client",
        "default_metadata",
        "default_namespace",
        "get_metadata",
        "get_namespace",
        "inspect_spin",
        "metadata",
        "namespace",
        "use_client",
    ),
    "errors": (
        "InvalidStreamError",
        "NamespaceMismatchError",
        "NoResultError",
        "NotFoundError",
        "NotStartedError",
        "StillRunningError",
        "WrongDepthError",
    ),
    "flow": ("Flow",),
    "lineage": ("Lineage", "LineageNode", "MissingPackageError"),
    "queries": ("InvalidQueryError", "InvalidStateError"),
    "run": ("Run",),
    "run_code": ("CodeDifference", "RunCode"),
    "run_environment": ("Distribution", "NoEnvironmentError", "RunEnvironment"),
    "settings": ("InvalidSettingsError", "ProfileNotFoundError", "Settings"),
    "step": ("Step",),
    "tags": ("InvalidTagError", "SystemTagError", "TooManyTagsError", "check_tags"),
    "task": ("Task",),
    "task_metadata": ("Metadatum",),
    "where": ("InvalidConditionError",),
}
"""A flow that runs needs its settings alone, so what looks back is loaded when it is asked for."""
_LAZY = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "Metaflow":  # the name that people know
        name = "AllFlows"
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
