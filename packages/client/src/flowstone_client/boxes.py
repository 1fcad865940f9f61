"""A picture of boxes and lines, as SVG: what a run's graph and a lineage are drawn with."""

from collections.abc import Iterable, Sequence
from html import escape

import attrs

from flowstone_client.layers import layers

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 190, 40, 36, 14, 10
_LONGEST = 28


@attrs.frozen
class Box:
    """One box: a small line above, a large one below, and more when one points at it."""

    id: str
    above: str
    name: str
    fill: str
    """A colour of CSS; never what a user wrote."""
    more: str = ""


def drawn_boxes(boxes: Sequence[Box], edges: Iterable[tuple[str, str]]) -> str:
    """The picture, from left to right; all texts are escaped."""
    edges = list(edges)
    columns = layers([box.id for box in boxes], edges)
    places: dict[str, tuple[int, int]] = {}
    rows: dict[int, int] = {}
    for box in boxes:
        column = columns[box.id]
        row = rows[column] = rows.get(column, -1) + 1
        places[box.id] = (_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    width = 2 * _MARGIN + (max(rows, default=0) + 1) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + (max(rows.values(), default=0) + 1) * (_HEIGHT + _GAP_Y) - _GAP_Y
    lines = [
        _line(places[source], places[target]) for source, target in edges if {source, target} <= places.keys()
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    )
    return "".join([head, *lines, *(_drawn(box, *places[box.id]) for box in boxes), "</svg>"])


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    middle = (x + to_x) // 2
    return f'<path d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}" fill="none" stroke="#94a3b8"/>'


def _drawn(box: Box, x: int, y: int) -> str:
    return (
        f"<g><title>{_escaped(box.more or box.id)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{box.fill}" stroke="#94a3b8"/>'
        f'<text x="{x + 8}" y="{y + 16}" fill="#475569" font-size="10">{_escaped(_shortened(box.above))}</text>'
        f'<text x="{x + 8}" y="{y + 31}" fill="#0f172a">{_escaped(_shortened(box.name))}</text></g>'
    )


def _escaped(text: str) -> str:
    """What XML may hold: no control characters either."""
    return escape("".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"
