"""Rules of EventBridge, each with one target."""

import json
from collections.abc import Mapping
from typing import Any, Final

from flowstone_deployer.step_functions.aws import AwsRefusedError, client, code_of, refusals

STATUS_CHANGE: Final = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}
"""The pattern of the events that Step Functions sends when an execution begins or ends."""
_GONE = "ResourceNotFoundException"


def keep_rule(name: str, pattern: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """Make or replace a rule; its target has an `Id`, always the same.

    Raises:
        AwsRefusedError: EventBridge refuses it.
    """
    events, what = client("events"), f"the rule {name} cannot be made"
    with refusals(what):
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")
        answer = events.put_targets(Rule=name, Targets=[target])
    for failed in answer["FailedEntries"]:
        raise AwsRefusedError(what, f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


def remove_rule(name: str, target_id: str) -> None:
    """Forget a rule; nothing happens if there is none.

    Raises:
        AwsRefusedError: EventBridge refuses.
    """
    events = client("events")
    with refusals(f"the rule {name} cannot be removed"):
        try:
            events.remove_targets(Rule=name, Ids=[target_id])
            events.delete_rule(Name=name)
        except Exception as error:
            if code_of(error) != _GONE:
                raise
