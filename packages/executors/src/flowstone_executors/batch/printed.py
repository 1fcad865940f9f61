"""What jobs print, as events: while they run from CloudWatch Logs, in the end from what they left behind."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from flowstone_executors.node.job_objects import unmarked
from flowstone_interfaces import Staging, Stream, TaskLog


def as_events(request_id: str, lines: Iterable[bytes]) -> Iterator[TaskLog]:
    """Printed lines as what was written; neighbours of one stream are one event."""
    stream, parts = Stream.STDOUT, list[bytes]()
    for line in lines:
        is_stderr, data = unmarked(line)
        its = Stream.STDERR if is_stderr else Stream.STDOUT
        if its is not stream and parts:
            yield TaskLog(request_id, stream, b"".join(parts))
            parts = []
        stream = its
        parts.append(data)
    if parts:
        yield TaskLog(request_id, stream, b"".join(parts))


@attrs.frozen
class LeftBehind:
    """An end object, taken apart."""

    head: dict[str, Any]
    result: bytes | None
    lines: list[bytes]
    """Those that are in the end object itself."""

    def all_lines(self, staging: Staging, name: str) -> Iterator[bytes]:
        """Every printed line, from the first; those of other objects are fetched."""
        for number in range(self.head.get("full_objects", 0)):
            yield from _lines(staging.get(f"{name}.{number}") or b"")
        yield from self.lines


def read_end(data: bytes) -> LeftBehind:
    """Take an end object apart."""
    line, _, rest = data.partition(b"\n")
    head = json.loads(line)
    size = head.get("result_size")
    result = None if size is None else rest[:size]
    return LeftBehind(head, result, _lines(rest[size or 0 :]))


def _lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")[:-1]
