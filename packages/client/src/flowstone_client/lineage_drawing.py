"""A lineage as an SVG."""

from typing import TYPE_CHECKING

from flowstone_client.boxes import Box, drawn_boxes

if TYPE_CHECKING:
    from flowstone_client.lineage import Lineage, LineageNode

_COLOURS = {"artifact": "#dbeafe", "task": "#dcfce7", "parameter": "#fef9c3", "data": "#fae8ff"}


def drawn(lineage: "Lineage") -> str:
    """The picture; the whole name and the facts of a node are shown when one points at it."""
    return drawn_boxes([_box(node) for node in lineage.nodes.values()], lineage.edges)


def _box(node: "LineageNode") -> Box:
    more = "\n".join([node.id, *(f"{fact}: {value}" for fact, value in node.facts.items())])
    return Box(node.id, *_label(node), _COLOURS[node.kind], more)


def _label(node: "LineageNode") -> tuple[str, str]:
    if node.kind == "data":
        return "data", node.id
    parts = node.id.split("/")
    if node.kind == "task":
        return "/".join(parts[:2]), "/".join(parts[2:])
    value = f" = {node.facts['value']!r}" if "value" in node.facts else f"  {node.facts.get('type', '')}"
    return "/".join(parts[:-1]), parts[-1] + value.replace("builtins.", "")
