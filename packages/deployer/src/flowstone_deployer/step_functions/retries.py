"""What follows a failed job: another one, one that catches the failure, or the end of the run.

A state's own `Retry` tells failures apart by their kind only, and to Step Functions all failed jobs are of one
kind. Where the task is to say whether it is tried again, or waits become shorter, the way back is made of states.
"""

from typing import Any

from flowstone_deployer.step_functions.expressions import array, item_at
from flowstone_deployer.step_functions.jobs import State
from flowstone_deployer.step_functions.names import AGAIN, CAUGHT, FAILED, GIVEN_UP, WAIT, state_name
from flowstone_interfaces.production import TRY_AGAIN, RetryPlan, StepPlan

_MOST_SECONDS = 99_999_999
_ERROR = "$.from.error"


def with_retries(step: str, plan: StepPlan, task: State) -> dict[str, State]:
    """The states around the task's own that try again; the caught one is the caller's."""
    retry = plan.retry
    caught = state_name(step, CAUGHT) if plan.catches else None
    if retry is None or not retry.times or not is_looped(retry):
        if retry is not None and retry.times:
            task["Retry"] = [*task["Retry"], _native(retry)]
        if caught is not None:
            task["Catch"] = [_catch(caught)]
        return {}
    task["Catch"] = [_catch(state_name(step, FAILED))]
    states = {
        state_name(step, FAILED): _choice(step, retry, caught or state_name(step, GIVEN_UP)),
        state_name(step, AGAIN): {
            "Type": "Pass",
            "Parameters": {
                "run.$": "$.run",
                "item.$": "$.item",
                "from": {
                    "parent.$": "$.from.parent",
                    "tries.$": "States.MathAdd($.from.tries, 1)",
                    "seconds.$": item_at(array(_waits(retry)), "$.from.tries"),
                },
            },
            "Next": state_name(step, WAIT),
        },
        state_name(step, WAIT): {"Type": "Wait", "SecondsPath": "$.from.seconds", "Next": state_name(step)},
    }
    if caught is None:
        states[state_name(step, GIVEN_UP)] = {
            "Type": "Fail",
            "ErrorPath": f"{_ERROR}.Error",
            "CausePath": f"{_ERROR}.Cause",
        }
    return states


def is_looped(retry: RetryPlan) -> bool:
    """True if the way back is made of states."""
    return retry.is_selective or retry.backoff < 1


def _native(retry: RetryPlan) -> dict[str, Any]:
    return {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": _seconds(retry.wait_seconds, fewest=1),
        "BackoffRate": retry.backoff,
        "MaxAttempts": retry.times,
    }


def _catch(target: str) -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": _ERROR, "Next": target}


def _choice(step: str, retry: RetryPlan, otherwise: str) -> State:
    conditions: list[dict[str, Any]] = [{"Variable": "$.from.tries", "NumericLessThan": retry.times}]
    if retry.is_selective:
        # Whoever went away with its machine could not say anything.
        said = [
            f'*"ExitCode":{TRY_AGAIN}*',
            f'*"ExitCode": {TRY_AGAIN}*',
            '*"StatusReason":"Host EC2*',
            '*"StatusReason": "Host EC2*',
        ]
        conditions.append({"Or": [{"Variable": f"{_ERROR}.Cause", "StringMatches": text} for text in said]})
    return {
        "Type": "Choice",
        "Choices": [{"And": conditions, "Next": state_name(step, AGAIN)}]
        if len(conditions) > 1
        else [{**conditions[0], "Next": state_name(step, AGAIN)}],
        "Default": otherwise,
    }


def _waits(retry: RetryPlan) -> list[int]:
    return [_seconds(retry.wait_seconds * retry.backoff**number, fewest=0) for number in range(retry.times)]


def _seconds(seconds: float, fewest: int) -> int:
    return max(fewest, min(_MOST_SECONDS, round(seconds)))
