"""Look at what ran: flows, runs, steps, tasks and their artifacts.

    Flow("Train").latest_successful_run.data.model

Nothing is loaded before its value is asked for, and nothing is ever changed.
"""

from flowstone_client.all_flows import AllFlows, flows
from flowstone_client.artifacts import Artifacts, NoSuchDataError
from flowstone_client.client import Client
from flowstone_client.data_artifact import DataArtifact
from flowstone_client.default_client import (
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
"""The name that people know."""

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
