"""What started a run: a run of another flow that has finished, or an event, as the execution's input tells it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flowstone_interfaces.execution_name import run_id_of
from flowstone_interfaces.production import TRIGGER
from flowstone_runtime.errors import UsageError


def started_upon(text: str) -> list[dict[str, Any]]:
    """What a run's record says of it, see `RunTrigger`; empty for a run that nothing but somebody has started.

    >>> about = '"flow": "A", "execution": "x-y", "started": 0, "stopped": 2000'
    >>> started_upon(f'{{"trigger": [{{"type": "run", {about}}}]}}')
    [{'type': 'run', 'name': 'A', 'id': 'A/19700101-000000-x', 'timestamp': 2.0}]

    Raises:
        UsageError: somebody wrote the input who does not know what it is to say.
    """
    try:
        return [_record(each) for each in _things(text)]
    except (LookupError, TypeError, ValueError) as error:
        raise UsageError(
            f"the input of the execution does not say what started it as a rule of ours does: {error!r}; "
            "leave out 'trigger' to start it by hand"
        ) from error


def event_parameters(text: str) -> dict[str, Any]:
    """Name to value of the parameters that events give.

    Raises:
        UsageError: an event has not the field that a parameter is to be.
    """
    found = {}
    for thing in _things(text):
        for parameter, field in (thing.get("parameters") or {}).items():
            payload = thing.get("payload")
            if not isinstance(payload, Mapping) or field not in payload:
                raise UsageError(
                    f"the event {thing.get('name')!r} has no field {field!r}, which is to be the parameter "
                    f"{parameter!r}; send it with the event"
                )
            found[parameter] = payload[field]
    return found


def _things(text: str) -> list[Mapping[str, Any]]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        return []  # who reads the parameters says so
    things = given.get(TRIGGER, []) if isinstance(given, dict) else []
    return [each for each in things if isinstance(each, Mapping)]


def _record(thing: Mapping[str, Any]) -> dict[str, Any]:
    if thing["type"] == "run":
        run_id = run_id_of(thing["execution"], thing["started"] / 1000)
        about = {"type": "run", "name": thing["flow"], "id": f"{thing['flow']}/{run_id}"}
        return {**about, "timestamp": thing["stopped"] / 1000}
    when = datetime.fromisoformat(thing["time"].replace("Z", "+00:00")).timestamp()  # Python 3.10 reads no Z
    return {"type": "event", "name": thing["name"], "id": thing["id"], "timestamp": when}
