"""A graph as plain data, for journals and other programs, and back.

The data holds what JSON can hold. Fields at their default are left out, so that a
reader of an older version can be given what a newer one wrote as long as the flow
uses nothing new. Decorators of steps are left out: they say how a step is run, and belong
to whoever runs it. Those of the flow stay, as names and options.
"""

from collections.abc import Iterable
from typing import Any

from flowstone_graph.declaration import FlowDeclaration, StoredDeclaration
from flowstone_graph.node import CaseExpression, CaseKey, Kind, Node
from flowstone_interfaces import FlowstoneError

_PLAIN_FIELDS = ("foreach", "num_parallel", "condition", "doc", "file", "line", "next_line")


class MalformedGraphError(FlowstoneError, ValueError):
    """Some data describes no graph."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"this data describes no flow graph: {self.reason}; was it written by `to_dict` of no newer version?"
        )


def fields_from_dict(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `FlowGraph` from `{"name", "start", "end", "doc", "nodes": [...], ...}`.

    Raises:
        MalformedGraphError: a field is missing or of another type; the cause is chained.
    """
    try:
        fields = {field: str(data[field]) for field in ("name", "start", "end", "doc", "file")}
        declared = tuple(
            StoredDeclaration(str(each["name"]), {**each["options"]}) for each in data.get("decorators", ())
        )
        nodes = tuple(_node_from_dict(node) for node in data["nodes"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedGraphError(f"{type(error).__name__}: {error}") from error
    return {**fields, "nodes": nodes, "decorators": declared}


def declarations_to_list(declarations: Iterable[FlowDeclaration]) -> list[dict[str, Any]]:
    """`{"name", "options"}` for each."""
    return [{"name": declared.name, "options": dict(declared.options)} for declared in declarations]


def node_to_dict(node: Node) -> dict[str, Any]:
    """`{"name", "kind", "targets", ...}`, without fields at their default and without decorators."""
    data: dict[str, Any] = {"name": node.name, "kind": node.kind.value, "targets": list(node.targets)}
    for field in _PLAIN_FIELDS:
        if value := getattr(node, field):
            data[field] = value
    if node.cases:
        data["cases"] = [[_key_to_data(key), target] for key, target in node.cases]
    return data


def _node_from_dict(data: dict[str, Any]) -> Node:
    return Node(
        name=data["name"],
        kind=Kind(data["kind"]),
        targets=tuple(data["targets"]),
        cases=tuple((_key_from_data(key), target) for key, target in data.get("cases", ())),
        **{field: data[field] for field in _PLAIN_FIELDS if field in data},
    )


def _key_to_data(key: CaseKey) -> Any:
    return {"expression": key.text} if isinstance(key, CaseExpression) else key


def _key_from_data(data: Any) -> CaseKey:
    return CaseExpression(data["expression"]) if isinstance(data, dict) else data
