"""What the jobs of production runs start: the one place that knows.

A job needs a Python and nothing else: what it runs comes from the store, by content.
"""

import attrs

from flowstone_interfaces import TaskRequest
from flowstone_interfaces.production import FLOW, VERSION
from flowstone_runtime.remote.launch import LaunchRef, remote_command

_TASK = "flowstone_runtime.production.worker"
_HOOKS = "flowstone_runtime.production.hooks"
_ENDING = "flowstone_runtime.production.failure"


def task_job(request: TaskRequest, launch: LaunchRef, flow: str, version: str) -> TaskRequest:
    """The request of a step, as its decorators plan it, with what a job starts for it."""
    return _started(request, _TASK, launch, flow, version)


def ending_job(launch: LaunchRef, flow: str, version: str) -> TaskRequest:
    """The job that writes down that a run has failed."""
    return _started(TaskRequest("", (), b""), _ENDING, launch, flow, version)


def hooks_job(launch: LaunchRef, flow: str, version: str) -> TaskRequest:
    """The job that calls the exit hooks of a run that has finished."""
    return _started(TaskRequest("", (), b""), _HOOKS, launch, flow, version)


def _started(request: TaskRequest, entry: str, launch: LaunchRef, flow: str, version: str) -> TaskRequest:
    argv, environ = remote_command(launch, entry=entry)
    return attrs.evolve(request, argv=argv, environ={**request.environ, **environ, FLOW: flow, VERSION: version})
