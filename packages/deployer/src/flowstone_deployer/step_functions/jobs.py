"""The state of a step's task: it submits a job and waits for its end."""

import math
from collections.abc import Mapping
from typing import Any, Final

from flowstone_deployer.step_functions.target import Target
from flowstone_interfaces import TaskRequest
from flowstone_interfaces.production import ITEM, PARENT, RUN, STEP

State = dict[str, Any]

_SUBMIT = "arn:aws:states:::batch:submitJob.sync"
_SHORTEST_TIMEOUT_SECONDS = 60  # Batch takes no less; the task's own alarm rings on time
_LONGEST_JOB_NAME = 128
_OVERLOADED: Final = {
    "ErrorEquals": ["Batch.TooManyRequestsException", "Batch.AWSBatchException", "Batch.ServerException"],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 8,
    "JitterStrategy": "FULL",
}
"""Batch takes 50 jobs a second: a wide foreach has to ask again."""


def task_state(target: Target, flow: str, step: str, request: TaskRequest, **more: str) -> State:
    """The state that runs one task of a step.

    It leaves in `$.from` what the next state's job has to know: where the way came from.

    Args:
        target: where jobs run.
        flow: the flow's name.
        step: the step's name.
        request: what its jobs are like.
        more: further variables of the job; those whose name ends in `.$` are expressions.
    """
    variables = {STEP: step, f"{RUN}.$": "$.run", f"{ITEM}.$": "$.item", f"{PARENT}.$": "$.from.parent"}
    state = job_state(target, flow, step, request, {**variables, **more})
    state["ResultSelector"] = {"parent": step, "tries": 0}
    state["ResultPath"] = "$.from"
    return state


def job_state(target: Target, flow: str, step: str, request: TaskRequest, variables: Mapping[str, str]) -> State:
    """A state that runs a job to its end; what comes next, and what becomes of the result, is to be added."""
    overrides: dict[str, Any] = {
        "Environment": [_variable(name, value) for name, value in {**request.environ, **variables}.items()],
    }
    if needs := _resources(request):
        overrides["ResourceRequirements"] = needs
    parameters: dict[str, Any] = {
        "JobName": f"{flow}-{step}"[:_LONGEST_JOB_NAME],
        "JobQueue": request.options.get("queue") or target.queue,
        "JobDefinition": target.definition_of(request).name,
        "ContainerOverrides": overrides,
    }
    if request.timeout_seconds is not None:
        seconds = max(_SHORTEST_TIMEOUT_SECONDS, math.ceil(request.timeout_seconds))
        parameters["Timeout"] = {"AttemptDurationSeconds": seconds}
    return {"Type": "Task", "Resource": _SUBMIT, "Parameters": parameters, "Retry": [_OVERLOADED]}


def _variable(name: str, value: str) -> dict[str, str]:
    if name.endswith(".$"):
        return {"Name": name.removesuffix(".$"), "Value.$": value}
    return {"Name": name, "Value": value}


def _resources(request: TaskRequest) -> list[dict[str, str]]:
    asked = request.resources
    amounts = {
        "VCPU": None if asked.cpus is None else f"{asked.cpus:g}",
        "MEMORY": None if asked.memory_mib is None else str(asked.memory_mib),
        "GPU": str(asked.gpus) if asked.gpus else None,
    }
    return [{"Type": kind, "Value": value} for kind, value in amounts.items() if value is not None]
