"""The few things that cross the borders between flowstone's packages."""

from flowstone_interfaces.errors import FlowstoneError
from flowstone_interfaces.executor import Executor, PostEvent
from flowstone_interfaces.executor_place import ExecutorPlace, Staging
from flowstone_interfaces.pathspec import InvalidPathspecError, Pathspec
from flowstone_interfaces.task_event import Reason, Stream, TaskEvent, TaskFinished, TaskLog, TaskStarted
from flowstone_interfaces.task_request import Resources, TaskRequest

__all__ = [
    "Executor",
    "ExecutorPlace",
    "FlowstoneError",
    "InvalidPathspecError",
    "Pathspec",
    "PostEvent",
    "Reason",
    "Resources",
    "Staging",
    "Stream",
    "TaskEvent",
    "TaskFinished",
    "TaskLog",
    "TaskRequest",
    "TaskStarted",
]
