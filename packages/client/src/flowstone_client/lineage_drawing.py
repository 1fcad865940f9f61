"""A lineage as an SVG: columns from left to right, each node right of all that it needed."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowstone_client.lineage import Lineage, LineageNode

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 210, 40, 50, 14, 10
_COLOURS = {"artifact": "#dbeafe", "task": "#dcfce7", "parameter": "#fef9c3", "data": "#fae8ff"}
_LONGEST = 30


def drawn(lineage: "Lineage") -> str:
    """The picture. Texts are escaped; the whole name and the facts of a node are shown when one points at it."""
    columns = _columns(lineage)
    places: dict[str, tuple[int, int]] = {}
    rows: dict[int, int] = {}
    for node_id, column in columns.items():
        row = rows[column] = rows.get(column, -1) + 1
        places[node_id] = (_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    width = 2 * _MARGIN + (max(rows) + 1) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + (max(rows.values()) + 1) * (_HEIGHT + _GAP_Y) - _GAP_Y
    lines = [_line(places[source], places[target]) for source, target in lineage.edges]
    boxes = [_box(node, *places[node.id]) for node in lineage.nodes.values()]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    )
    return "".join([head, *lines, *boxes, "</svg>"])


def _columns(lineage: "Lineage") -> Mapping[str, int]:
    """For each node, the length of the longest way to it; ways back (to a task's own past) are left out."""
    needed: dict[str, list[str]] = {node_id: [] for node_id in lineage.nodes}
    for source, target in lineage.edges:
        needed[target].append(source)
    columns: dict[str, int] = {}
    begun: set[str] = set()
    waiting = list(lineage.nodes)
    while waiting:
        node_id = waiting[-1]
        begun.add(node_id)
        missing = [source for source in needed[node_id] if source not in begun]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        columns[node_id] = max((columns[source] + 1 for source in needed[node_id] if source in columns), default=0)
    return columns


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    middle = (x + to_x) // 2
    return f'<path d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}" fill="none" stroke="#94a3b8"/>'


def _box(node: "LineageNode", x: int, y: int) -> str:
    above, name = _label(node)
    facts = "\n".join([node.id, *(f"{fact}: {value}" for fact, value in node.facts.items())])
    return (
        f"<g><title>{escape(facts)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{_COLOURS[node.kind]}" '
        f'stroke="#94a3b8"/><text x="{x + 8}" y="{y + 16}" fill="#64748b" font-size="10">{escape(above)}</text>'
        f'<text x="{x + 8}" y="{y + 31}">{escape(name)}</text></g>'
    )


def _label(node: "LineageNode") -> tuple[str, str]:
    if node.kind == "data":
        return "data", _shortened(node.id)
    parts = node.id.split("/")
    if node.kind == "task":
        return _shortened("/".join(parts[:2])), _shortened("/".join(parts[2:]))
    value = f" = {node.facts['value']!r}" if "value" in node.facts else f"  {node.facts.get('type', '')}"
    return _shortened("/".join(parts[:-1])), _shortened(parts[-1] + value.replace("builtins.", ""))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"
