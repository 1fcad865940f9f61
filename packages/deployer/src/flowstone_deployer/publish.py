"""Events that flows are started upon: `@trigger(event="new-data")`."""

import json
from collections.abc import Mapping
from typing import Any, Final

from flowstone_deployer.step_functions.aws import AwsRefusedError, client, refusals
from flowstone_interfaces import FlowstoneError

SOURCE: Final = "flowstone"
"""Of all our events."""
MOST_BYTES: Final = 4096
"""Of a payload: it is handed to the run's first job, which has little room."""


class InvalidEventError(FlowstoneError, ValueError):
    """An event that cannot be sent."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"the event {self.name!r} cannot be sent: {self.reason}"


def publish_event(name: str, payload: Mapping[str, Any] | None = None) -> str:
    """Send an event to EventBridge, which starts the deployed flows that wait for it; the event's id.

    Args:
        name: of the event, as `@trigger(event=...)` has it.
        payload: fields that parameters are taken from; values that JSON has.

    Raises:
        InvalidEventError: it has no name, or the payload is no JSON or has more than 4 KiB.
        MissingLibraryError: boto3 is not installed.
        AwsRefusedError: EventBridge refuses it, or does not answer.
    """
    if not name:
        raise InvalidEventError(name, "it has no name")
    try:
        detail = json.dumps(dict(payload or {}), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidEventError(name, f"the payload is no JSON: {error}") from error
    if len(detail.encode()) > MOST_BYTES:
        reason = f"the payload has more than {MOST_BYTES} bytes; store the data, and send where it is"
        raise InvalidEventError(name, reason)
    what = f"the event {name!r} cannot be sent"
    with refusals(what):
        answer = client("events").put_events(Entries=[{"Source": SOURCE, "DetailType": name, "Detail": detail}])
    (entry,) = answer["Entries"]
    if "EventId" not in entry:
        raise AwsRefusedError(what, f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
    return str(entry["EventId"])
