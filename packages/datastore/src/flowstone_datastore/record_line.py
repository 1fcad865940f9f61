"""A record as one line of JSON that tells if a bit of it changed."""

import functools
import zlib
from typing import Any

import attrs

from flowstone_datastore.compact_json import from_json_text, to_json_text
from flowstone_datastore.fields import InvalidRecordError, refuse
from flowstone_datastore.records import (
    Heartbeat,
    Record,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_datastore.stored import Convert, form_of

_START = b'{"sum":"'
_SUM_END = len(_START) + 8
_BODY = _SUM_END + len(b'",')

_KINDS: dict[str, type[Record]] = {
    kind.kind: kind
    for kind in (RunStarted, TaskStarted, TaskFinished, TaskFailed, TagsChanged, Heartbeat, RunEnded)
}


def to_json(record: Record) -> dict[str, Any]:
    """The record's fields by name, those that have their default left out, and its `type`."""
    raw: dict[str, Any] = {"type": record.kind}
    for name, default, write, _ in _plan(record.kind):
        value = getattr(record, name)
        if value != default:
            raw[name] = value if write is None else write(value)
    return raw


def from_json(raw: Any) -> Record | None:
    """The record of an object, or `None` if its type is not known here; unknown fields are ignored.

    Raises:
        InvalidRecordError: a field is missing, or holds what it may not.
    """
    if not isinstance(raw, dict):
        refuse("a record", raw, "an object")
    kind = raw.get("type")
    if not isinstance(kind, str):
        refuse("the type of a record", kind, "text")
    cls = _KINDS.get(kind)
    if cls is None:
        return None
    fields = {}
    for name, _, _, read in _plan(kind):
        value = raw.get(name)
        if value is not None:
            fields[name] = value if read is None else read(value)
    try:
        return cls(**fields)
    except TypeError as error:
        raise InvalidRecordError(f"a record of type {kind}", str(error)) from error


def to_line(record: Record) -> bytes:
    r"""The record as a line, its line feed included.

    >>> to_line(Heartbeat(time=1.5))
    b'{"sum":"803edd2b","type":"heartbeat","time":1.5}\n'

    Raises:
        InvalidRecordError: an opaque field holds what is not JSON.
    """
    body = to_json_text(to_json(record))[1:]
    return b'%b%08x",%b\n' % (_START, zlib.crc32(body), body)


def is_whole(line: bytes) -> bool:
    """True if a line, without its line feed, is as it was written."""
    return (
        line.startswith(_START)
        and line[_SUM_END:_BODY] == b'",'
        and line[len(_START) : _SUM_END] == b"%08x" % zlib.crc32(line[_BODY:])
    )


def from_line(line: bytes) -> Record | None:
    """The record of a line without its line feed, or `None` if its type is not known here.

    Raises:
        InvalidRecordError: the line is damaged, or was written by something that does not follow the format.
    """
    if not is_whole(line):
        raise InvalidRecordError("a line", "its checksum does not match its text")
    return from_json(from_json_text(line))


def prepare_records() -> None:
    """Find now how each kind of record is read and written: for a process that is about to fork many others."""
    for kind in _KINDS:
        _plan(kind)


@functools.cache
def _plan(kind: str) -> list[tuple[str, Any, Convert | None, Convert | None]]:
    """For each field: its name, its default, and how it goes to JSON and comes back (`None`: as it is)."""
    plan: list[tuple[str, Any, Convert | None, Convert | None]] = []
    for field in attrs.fields(_KINDS[kind]):
        default: Any = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # attrs types the class as a function
            default = default.factory()
        form = form_of(field)
        plan.append((field.name, default, None, None) if form is None else (field.name, default, *form))
    return plan
