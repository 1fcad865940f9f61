"""Bytes and durations as people read and write them."""

import re
from typing import Any

import click

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])\Z", re.ASCII)


def human_bytes(size_bytes: int) -> str:
    """A size to be read: three digits or so.

    >>> human_bytes(0), human_bytes(1023), human_bytes(1536), human_bytes(300 * 1024**3)
    ('0 B', '1023 B', '1.5 KiB', '300.0 GiB')
    """
    if size_bytes < 1024:
        return f"{size_bytes} B"
    size = size_bytes / 1024
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """A number and a unit: seconds, minutes, hours, days or weeks. Its value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read `30d`."""
        if isinstance(value, float | int):
            return value
        match = _DURATION.match(value)
        if match is None:
            self.fail(f"{value!r} is no duration; write a number and s, m, h, d or w, as in 30d", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]
