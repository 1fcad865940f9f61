"""What the jobs of production runs start: the one place that knows."""

import attrs

from flowstone_interfaces import TaskRequest

_PYTHON = ("python", "-P", "-m")
_TASK = "flowstone_runtime.production.worker"
_ENDING = "flowstone_runtime.production.failure"


def task_job(request: TaskRequest, store: str, flow: str, version: str) -> TaskRequest:
    """The request of a step, as its decorators plan it, with what a job starts for it."""
    return attrs.evolve(request, argv=(*_PYTHON, _TASK, store, flow, version))


def ending_job(store: str, flow: str, version: str) -> TaskRequest:
    """The job that writes down that a run has failed."""
    return TaskRequest("", (*_PYTHON, _ENDING, store, flow, version), b"")
