"""A rule of EventBridge that records ends of runs which the machine cannot: it was stopped, or its time was up.

The machine's own last job records a failure that it sees. Nobody is left in it when somebody stops an execution in
the console, when the time of the whole is up, or when the history is full. Then the event starts the same small
job, which does nothing if the end is known.
"""

import json
from typing import Any, Final

from flowstone_deployer.step_functions.aws import AwsRefusedError, client, code_of, refusals
from flowstone_deployer.step_functions.target import Target
from flowstone_interfaces.production import CANCELLED, ERROR, EXECUTION, STARTED, FlowPlan

_SOURCE, _DETAIL_TYPE = "aws.states", "Step Functions Execution Status Change"
_ABORTED: Final = "ABORTED"
_STATUSES: Final = (_ABORTED, "TIMED_OUT", "FAILED")
_TARGET_ID = "ending"
_PATHS: Final = {"name": "$.detail.name", "started": "$.detail.startDate", "status": "$.detail.status"}
_LONGEST_JOB_NAME = 128
_GONE = "ResourceNotFoundException"


def pattern(machine: str) -> dict[str, Any]:
    """The events that the rule waits for: of this machine, not of the items of its maps."""
    return {
        "source": [_SOURCE],
        "detail-type": [_DETAIL_TYPE],
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
    events, what = client("events"), f"the rule {name} cannot be made"
    with refusals(what):
        events.put_rule(Name=name, EventPattern=json.dumps(pattern(machine)), State="ENABLED")
        answer = events.put_targets(Rule=name, Targets=[rule_target(plan, target, machine, role)])
    for failed in answer["FailedEntries"]:
        raise AwsRefusedError(what, f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


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
    events = client("events")
    with refusals(f"the rule {name} cannot be removed"):
        try:
            events.remove_targets(Rule=name, Ids=[_TARGET_ID])
            events.delete_rule(Name=name)
        except Exception as error:
            if code_of(error) != _GONE:
                raise


def _queue_arn(queue: str, machine: str) -> str:
    """The ARN of a queue that may be given by its name: in the account and the region of the machine."""
    if queue.startswith("arn:"):
        return queue
    _, partition, _, region, account, *_ = machine.split(":")
    return f"arn:{partition}:batch:{region}:{account}:job-queue/{queue}"
