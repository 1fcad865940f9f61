"""`@trigger` and `@trigger_on_finish` as a rule of EventBridge that starts the state machine."""

import json
import re
from typing import Any, Final

from flowstone_deployer.publish import SOURCE
from flowstone_deployer.step_functions.machine_name import machine_name
from flowstone_deployer.step_functions.rules import STATUS_CHANGE, keep_rule, remove_rule
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.production import TRIGGER, AwaitedEvent, AwaitedFlow, FlowPlan

_TARGET_ID: Final = "trigger"
_OF_TEMPLATE = re.compile(r"[<>]")


class TriggerNotPossibleError(FlowstoneError, ValueError):
    """What the flow waits for, EventBridge has no way to say."""

    def __init__(self, flow: str, reason: str) -> None:
        super().__init__(flow, reason)
        self.flow = flow
        self.reason = reason

    def __str__(self) -> str:
        return f"EventBridge cannot start {self.flow} as it asks: {self.reason}"


def check_awaited(plan: FlowPlan) -> None:
    """Refuse what a rule cannot wait for.

    Raises:
        TriggerNotPossibleError: it waits for several things, or a name cannot be written into a rule.
    """
    flow = str(plan.graph["name"])
    if len(plan.awaited) > 1:
        raise TriggerNotPossibleError(
            flow,
            f"a rule starts it upon one event or flow, and it waits until {len(plan.awaited)} have come; "
            "name one, and look for the others in the first step",
        )
    if any(
        isinstance(each, AwaitedEvent) and _OF_TEMPLATE.search(json.dumps(_literal(each))) for each in plan.awaited
    ):
        raise TriggerNotPossibleError(flow, "names of events and of their fields may have no '<' and no '>'")


def trigger_pattern(awaited: AwaitedEvent | AwaitedFlow, machine: str) -> dict[str, Any]:
    """The events that start the flow, whose machine's ARN says in which account and region."""
    if isinstance(awaited, AwaitedEvent):
        return {"source": [SOURCE], "detail-type": [awaited.name]}
    of_flow = f"{machine.rpartition(':')[0]}:{machine_name(awaited.name)}"
    return {**STATUS_CHANGE, "detail": {"stateMachineArn": [of_flow], "status": ["SUCCEEDED"]}}


def trigger_target(awaited: AwaitedEvent | AwaitedFlow, machine: str, role: str) -> dict[str, Any]:
    """The state machine, with an input that says what has come."""
    if isinstance(awaited, AwaitedEvent):
        paths = {"id": "$.id", "time": "$.time", "payload": "$.detail"}
    else:
        paths = {"execution": "$.detail.name", "started": "$.detail.startDate", "stopped": "$.detail.stopDate"}
    literal = json.dumps(_literal(awaited))[1:-1]
    of_event = ", ".join(f'"{name}": <{name}>' for name in paths)
    return {
        "Id": _TARGET_ID,
        "Arn": machine,
        "RoleArn": role,
        "InputTransformer": {
            "InputPathsMap": paths,
            "InputTemplate": f'{{"{TRIGGER}": [{{{literal}, {of_event}}}]}}',
        },
    }


def keep_trigger_rule(plan: FlowPlan, machine: str, role: str) -> None:
    """Have the machine started upon what the plan waits for, and upon nothing else.

    Raises:
        AwsRefusedError: EventBridge refuses it.
    """
    if not plan.awaited:
        remove_trigger_rule(plan.name)
        return
    (awaited,) = plan.awaited
    keep_rule(_rule_name(plan.name), trigger_pattern(awaited, machine), trigger_target(awaited, machine, role))


def remove_trigger_rule(name: str) -> None:
    """Forget the rule of a production name; nothing happens if there is none.

    Raises:
        AwsRefusedError: EventBridge refuses.
    """
    remove_rule(_rule_name(name), _TARGET_ID)


def _rule_name(name: str) -> str:
    return machine_name(f"{name}.{_TARGET_ID}")


def _literal(awaited: AwaitedEvent | AwaitedFlow) -> dict[str, Any]:
    if isinstance(awaited, AwaitedEvent):
        return {"type": "event", "name": awaited.name, "parameters": dict(awaited.parameters)}
    return {"type": "run", "flow": awaited.flow}
