"""A rule of EventBridge that records ends of runs which the machine cannot: it was stopped, or its time was up.

The machine's own last job records a failure that it sees. Nobody is left in it when somebody stops an execution in
the console, when the time of the whole is up, or when the history is full. Then the event starts the same small
job, which does nothing if the end is known.
"""

import json
from typing import Any, Final

from flowstone_deployer.step_functions.rules import STATUS_CHANGE, keep_rule, remove_rule
from flowstone_deployer.step_functions.target import Target
from flowstone_interfaces.production import CANCELLED, ERROR, EXECUTION, STARTED, FlowPlan

_ABORTED: Final = "ABORTED"
_STATUSES: Final = (_ABORTED, "TIMED_OUT", "FAILED")
_TARGET_ID = "ending"
_PATHS: Final = {"name": "$.detail.name", "started": "$.detail.startDate", "status": "$.detail.status"}
_LONGEST_JOB_NAME = 128


def pattern(machine: str) -> dict[str, Any]:
    """The events that the rule waits for: of this machine, not of the items of its maps."""
    return {
        **STATUS_CHANGE,
        "detail": {"stateMachineArn": [machine], "status": list(_STATUSES)},
    }


def keep_ending_rule(name: str, plan: FlowPlan, target: Target, machine: str, role: str) -> None:
    """Have ends of runs recorded that the machine does not see.

    Args:
        name: of the rule, that of the machine.
        plan: its job is what the event starts.
        target: where that runs.
        machine: ARN of the state machine.
        role: ARN of what may submit the job.

    Raises:
        AwsRefusedError: EventBridge refuses it.
    """
    keep_rule(name, pattern(machine), rule_target(plan, target, machine, role))


def rule_target(plan: FlowPlan, target: Target, machine: str, role: str) -> dict[str, Any]:
    """The job that the rule starts, told of the execution by variables."""
    job_name = f"{plan.graph['name']}-{_TARGET_ID}"[:_LONGEST_JOB_NAME]
    variables = {**plan.ending.environ, CANCELLED: _ABORTED}
    of_event = {EXECUTION: "<name>", STARTED: "<started>", ERROR: "<status>"}
    environment = [{"Name": key, "Value": value} for key, value in {**variables, **of_event}.items()]
    return {
        "Id": _TARGET_ID,
        "Arn": _queue_arn(target.queue, machine),
        "RoleArn": role,
        "BatchParameters": {"JobDefinition": target.definition_of(plan.ending).name, "JobName": job_name},
        "InputTransformer": {
            "InputPathsMap": dict(_PATHS),
            "InputTemplate": json.dumps({"ContainerOverrides": {"Environment": environment}}),
        },
    }


def remove_ending_rule(name: str) -> None:
    """Forget the rule; nothing happens if there is none.

    Raises:
        AwsRefusedError: EventBridge refuses.
    """
    remove_rule(name, _TARGET_ID)


def _queue_arn(queue: str, machine: str) -> str:
    """The ARN of a queue that may be given by its name: in the account and the region of the machine."""
    if queue.startswith("arn:"):
        return queue
    _, partition, _, region, account, *_ = machine.split(":")
    return f"arn:{partition}:batch:{region}:{account}:job-queue/{queue}"
