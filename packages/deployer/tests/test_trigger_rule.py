"""What starts a flow, as EventBridge is told."""

import json

import attrs
import pytest

from flowstone_deployer.publish import MOST_BYTES, InvalidEventError, publish_event
from flowstone_deployer.step_functions.trigger_rule import (
    TriggerNotPossibleError,
    check_awaited,
    trigger_pattern,
    trigger_target,
)
from flowstone_deployer.testing import flow_plan, line_of
from flowstone_interfaces.production import AwaitedEvent, AwaitedFlow

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Line"


def test_the_success_of_a_flow_is_that_of_its_machine() -> None:
    """Of the same account and region; a failure starts nothing."""
    pattern = trigger_pattern(AwaitedFlow("Train", "Train"), MACHINE)
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:Train"
    assert pattern["detail"] == {"stateMachineArn": [arn], "status": ["SUCCEEDED"]}


def test_the_input_is_json_once_it_is_filled_in() -> None:
    """Whatever comes in place of the placeholders: they stand for JSON values."""
    target = trigger_target(AwaitedEvent('it\'s "new"', {"alpha": "size"}), MACHINE, "arn:role")
    template = target["InputTransformer"]["InputTemplate"]
    for name in target["InputTransformer"]["InputPathsMap"]:
        template = template.replace(f"<{name}>", "1")
    about = {"type": "event", "name": 'it\'s "new"', "parameters": {"alpha": "size"}}
    assert json.loads(template) == {"trigger": [{**about, "id": 1, "time": 1, "payload": 1}]}


@pytest.mark.parametrize("awaited", [(AwaitedEvent("a"), AwaitedEvent("b")), (AwaitedEvent("a<b"),)])
def test_what_no_rule_can_say_is_refused(awaited: tuple[AwaitedEvent, ...]) -> None:
    """Before anything is made; else the flow would never start."""
    with pytest.raises(TriggerNotPossibleError, match="EventBridge cannot start Line as it asks"):
        check_awaited(attrs.evolve(flow_plan(line_of(2)), awaited=awaited))


@pytest.mark.parametrize("payload", [{"a": object()}, {"a": float("nan")}, {"a": "x" * MOST_BYTES}])
def test_an_event_that_nobody_could_use_is_not_sent(payload: dict[str, object]) -> None:
    """The first job has to find it in a variable."""
    with pytest.raises(InvalidEventError):
        publish_event("new-data", payload)
