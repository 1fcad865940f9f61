"""Data that a task reads or writes besides its artifacts: told by whoever moves it, kept in the task's record."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from flowstone_datastore.fields import is_count, is_text, optional, refuse
from flowstone_interfaces.python_310 import Self

MOST_ACCESSES = 1_000
"""A record names so many; what comes after is summed up, folder by folder."""

_MODES = ("read", "written")
_MOST_FOLDERS = 100


def _is_mode(_instance: Any, _attribute: Any, mode: Any) -> None:
    if mode not in _MODES:
        refuse("DataAccess.mode", mode, "read or written")


@attrs.frozen
class DataAccess:
    """Something that was read or written, by name and content."""

    mode: str = attrs.field(validator=_is_mode)
    """`read` or `written`."""
    url: str = attrs.field(validator=is_text)
    """`s3://bucket/key`, `file:///path`, `flowstone:Flow/run/step/task/name`."""
    version: str = attrs.field(default="", validator=is_text)
    """What tells its content: an ETag, a version id, an address; empty if nothing does."""
    size: int | None = attrs.field(default=None, validator=optional(is_count))
    """Bytes; `None` if not known."""
    count: int = attrs.field(default=1, validator=is_count)
    """Of how many things below `url`, which then ends in `/`, this is the sum."""

    def to_json(self) -> dict[str, Any]:
        """The access as FORMAT.md writes it."""
        raw: dict[str, Any] = {"mode": self.mode, "url": self.url}
        if self.version:
            raw["version"] = self.version
        if self.size is not None:
            raw["size"] = self.size
        if self.count != 1:
            raw["count"] = self.count
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it; unknown fields are ignored.

        Raises:
            InvalidRecordError: it is something else.
        """
        if not isinstance(raw, dict):
            refuse("an access to data", raw, "an object")
        named: tuple[Any, Any] = raw.get("mode"), raw.get("url")
        return cls(*named, raw.get("version", ""), raw.get("size"), raw.get("count", 1))


class DataAccesses:
    """What one task has read and written so far; from any thread. The same thing twice counts once."""

    def __init__(self, run: str = "") -> None:
        self.run = run
        """`Flow/run` of the task; empty if nobody said."""
        self._lock = threading.Lock()
        self._known: dict[DataAccess, None] = {}
        self._sums: dict[tuple[str, str], DataAccess] = {}

    def add(self, access: DataAccess) -> None:
        """Take note of one."""
        with self._lock:
            if access in self._known:
                return
            if len(self._known) < MOST_ACCESSES:
                self._known[access] = None
                return
            folder = _folder(access.url) if len(self._sums) < _MOST_FOLDERS else _root(access.url)
            key = (access.mode, folder)
            before = self._sums.get(key, DataAccess(access.mode, folder, size=0, count=0))
            size = (before.size or 0) + (access.size or 0)
            self._sums[key] = attrs.evolve(before, size=size, count=before.count + access.count)

    def all(self) -> tuple[DataAccess, ...]:
        """All of them, in the order in which they came first."""
        with self._lock:
            return (*self._known, *self._sums.values())


def _folder(url: str) -> str:
    return url.rpartition("/")[0] + "/"


def _root(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/" if rest else f"{scheme.partition(':')[0]}:/"


class _Current:
    """The one piece of module state: a process runs at most one task at a time."""

    accesses: DataAccesses | None = None


def record_data_access(access: DataAccess) -> None:
    """Tell that data was read or written: kept with the task that this process runs; outside of one, forgotten.

    For whoever moves data: a client of an object store, a reader of files, of tables.
    """
    if _Current.accesses is not None:
        _Current.accesses.add(access)


def is_data_access_recorded() -> bool:
    """True while a task runs: outside of one, nothing needs to be made of what is read or written."""
    return _Current.accesses is not None


def running_run() -> str:
    """`Flow/run` of the task that this process runs; empty outside of one."""
    return "" if _Current.accesses is None else _Current.accesses.run


@contextmanager
def collecting_data_access(run: str = "") -> Iterator[DataAccesses]:
    """Collect what is told while a task of `run`, `Flow/run`, runs. For task runners."""
    before = _Current.accesses
    _Current.accesses = DataAccesses(run)
    try:
        yield _Current.accesses
    finally:
        _Current.accesses = before
