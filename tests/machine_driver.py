"""Drives state machines without a service: the little of the Amazon States Language that our machines use.

Tasks are functions; nothing waits, nothing is retried. A random graph costs milliseconds.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import attrs

_TOKEN = re.compile(
    r"\s*(?:'(?P<text>(?:\\.|[^'\\])*)'|(?P<number>-?\d+)|(?P<path>\$[^,()\s]*)|(?P<name>States\.\w+)\()"
)

Submit = Callable[[Mapping[str, str]], None]
"""Runs the job with these variables to its end."""
Read = Callable[[str], bytes]
"""The object of this key."""


@attrs.frozen
class Driver:
    """A machine, and what its tasks do."""

    submit: Submit
    read: Read
    given: Mapping[str, Any]

    def run(self, machine: Mapping[str, Any]) -> None:
        """Run the machine to its end."""
        context = {
            "Execution": {
                "StartTime": datetime.now(timezone.utc).isoformat(),
                "Name": "c0ffee00-1234",
                "Input": dict(self.given),
            }
        }
        self._chain(machine, dict(self.given), context)

    def _chain(self, chain: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> None:
        name = chain["StartAt"]
        while True:
            state = chain["States"][name]
            if state["Type"] == "Choice":
                name = _chosen(state, data)
                continue
            if state["Type"] == "Succeed":
                return
            data = self._visit(state, data, context)
            if state.get("End"):
                return
            name = state["Next"]

    def _visit(self, state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Any:
        if state["Type"] == "Parallel":
            for branch in state["Branches"]:
                self._chain(branch, data, context)
            return data
        if state["Type"] == "Map":
            reader = filled(state["ItemReader"]["Parameters"], data, context)
            for item in json.loads(self.read(reader["Key"])):
                inside = {**context, "Map": {"Item": {"Value": item}}, "Execution": {"Input": None}}
                self._chain(state["ItemProcessor"], filled(state["ItemSelector"], data, inside), inside)
            return data
        parameters = filled(state["Parameters"], data, context)
        if state["Type"] == "Pass":
            return parameters
        assert state["Type"] == "Task", state
        if "s3:getObject" in state["Resource"]:
            result: Any = {"Body": self.read(parameters["Key"]).decode()}
        else:
            self.submit({each["Name"]: each["Value"] for each in parameters["ContainerOverrides"]["Environment"]})
            result = {}
        assert state["ResultPath"] == "$.from"
        return {**data, "from": filled(state["ResultSelector"], result, context)}


def _chosen(state: Mapping[str, Any], data: Any) -> str:
    for choice in state["Choices"]:
        if "IsPresent" in choice:
            found = choice["Variable"].removeprefix("$.") in data
        else:
            found = _at(choice["Variable"], data) == choice["StringEquals"]
        if found:
            return str(choice["Next"])
    return str(state["Default"])


def filled(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """The template with its expressions replaced by what they give."""
    if isinstance(template, list):
        return [filled(item, data, context) for item in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): evaluate(value, data, context)
        if key.endswith(".$")
        else filled(value, data, context)
        for key, value in template.items()
    }


def evaluate(expression: str, data: Any, context: Mapping[str, Any]) -> Any:
    """What a path or an intrinsic function gives."""
    value, end = _parse(expression, 0, data, context)
    assert end == len(expression), expression
    return value


def _parse(text: str, start: int, data: Any, context: Mapping[str, Any]) -> tuple[Any, int]:
    match = _TOKEN.match(text, start)
    assert match, text[start:]
    end = match.end()
    if match["text"] is not None:
        return _Text(match["text"]), end
    if match["number"] is not None:
        return int(match["number"]), end
    if match["path"] is not None:
        path = match["path"]
        return (_at(path[1:], context) if path.startswith("$$") else _at(path, data)), end
    arguments = []
    while text[end] != ")":
        value, end = _parse(text, end, data, context)
        arguments.append(value)
        end += text[end] == ","
    return _FUNCTIONS[match["name"]](*arguments), end + 1


class _Text(str):
    """A text as it is written, with its escapes."""

    __slots__ = ()

    @property
    def plain(self) -> str:
        return re.sub(r"\\(.)", r"\1", self)


def _at(path: str, data: Any) -> Any:
    for name in path.removeprefix("$").split("."):
        data = data[name] if name else data
    return data


def _format(template: _Text, *values: Any) -> str:
    pieces = re.split(r"(?<!\\)\{\}", template)
    assert len(pieces) == len(values) + 1
    found = _Text(pieces[0]).plain
    for piece, value in zip(pieces[1:], values, strict=True):
        found += f"{value}{_Text(piece).plain}"
    return found


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "States.Format": _format,
    "States.StringSplit": lambda text, marks: [
        part for part in re.split(f"[{re.escape(marks.plain)}]", text) if part
    ],
    "States.ArrayGetItem": lambda items, index: items[index],
    "States.JsonToString": json.dumps,
    "States.MathAdd": lambda one, other: one + other,
    "States.Array": lambda *values: list(values),
}
