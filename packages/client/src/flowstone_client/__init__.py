"""Look at what ran: flows, runs, steps, tasks and their artifacts.

    Flow("Train").latest_successful_run.data.model

Nothing is loaded before its value is asked for, and nothing is ever changed.
"""

from flowstone_client.artifacts import Artifacts
from flowstone_client.client import Client, default_client
from flowstone_client.data_artifact import DataArtifact
from flowstone_client.errors import NotFoundError, NotStartedError
from flowstone_client.flow import Flow, flows
from flowstone_client.run import Run
from flowstone_client.step import Step
from flowstone_client.task import Task

__all__ = [
    "Artifacts",
    "Client",
    "DataArtifact",
    "Flow",
    "NotFoundError",
    "NotStartedError",
    "Run",
    "Step",
    "Task",
    "default_client",
    "flows",
]
