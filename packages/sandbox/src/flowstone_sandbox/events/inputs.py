"""What a target is told of an event: all of it, a part, a constant, or a template that is filled in."""

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


def told(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str = "", rule_name: str = "") -> str:
    """The text that a target gets.

    >>> told({"InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"x": "<a>!"}'}},
    ...      {"detail": {"a": 1}})
    '{"x": "1!"}'
    """
    event = as_sent(event)
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(value_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(event)
    values = {name: value_at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    known = {
        **values,
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event": event,
        "aws.events.event.json": event,
    }
    return filled_in(transformer["InputTemplate"], known)


def as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as AWS sends it: moto has its time as a number, and more fields."""
    when = event.get("time")
    if isinstance(when, int | float):
        event = {**event, "time": dt.datetime.fromtimestamp(when, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {name: value for name, value in event.items() if name not in ("ingestion-time", "replay-name")}


def value_at(event: Any, path: str) -> Any:
    """What is at a path of names, `$.detail.name`; `None` if there is nothing."""
    found = event
    for name in path.removeprefix("$").strip(".").split("."):
        if not name:
            continue
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def filled_in(template: str, values: Mapping[str, Any]) -> str:
    r"""The template with its placeholders replaced: inside of a text without quotes, elsewhere as JSON.

    >>> filled_in('{"n": <n>, "t": <t>, "both": "<t> and <n>"}', {"n": 1, "t": 'a"b'})
    '{"n": 1, "t": "a\\"b", "both": "a\\"b and 1"}'
    """
    pieces = []
    at = 0
    is_in_text = False
    for match in _PLACEHOLDER.finditer(template):
        between = template[at : match.start()]
        is_in_text ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        pieces += [between, _filled(values.get(match[1]), is_in_text)]
        at = match.end()
    return "".join([*pieces, template[at:]])


def _filled(value: Any, is_in_text: bool) -> str:
    if not is_in_text:
        return '""' if value is None else json.dumps(value)
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]
