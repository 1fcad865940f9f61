# ruff: noqa: PTH115, PTH123 - importing pathlib costs 4 ms, more than the rest of this package's imports of the library
"""Which process drives a run, told so that nobody can take another one for it.

A process id alone is reused after minutes. With the machine's boot, the namespace that the id
counts in and the tick at which the process started, it names one process for ever.
"""

import os
from typing import Any

import attrs

from flowstone_datastore.fields import is_count, is_text, refuse
from flowstone_interfaces.python_310 import Self

_GONE = {"Z", "X", "x"}  # zombies have ended; their parent has not asked yet


@attrs.frozen
class ProcessIdentity:
    """One process of one machine. Empty texts and zeros where a system does not tell."""

    host: str = attrs.field(validator=is_text)
    boot_id: str = attrs.field(validator=is_text)
    pid_namespace: str = attrs.field(validator=is_text)
    pid: int = attrs.field(validator=is_count)
    start_ticks: int = attrs.field(validator=is_count)
    """When it started, in clock ticks since boot."""

    def to_json(self) -> dict[str, Any]:
        """The identity as FORMAT.md writes it."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it; unknown fields are ignored.

        Raises:
            InvalidRecordError: a field is missing, or holds what it may not.
        """
        if not isinstance(raw, dict):
            refuse("a process", raw, "an object")
        fields: dict[str, Any] = {field.name: raw.get(field.name) for field in attrs.fields(cls)}
        return cls(**fields)


def current_process() -> ProcessIdentity:
    """The calling process."""
    pid = os.getpid()
    _, ticks = _state_and_start(pid) or ("", 0)
    return ProcessIdentity(os.uname().nodename, *_place(), pid, ticks)


def is_alive(process: ProcessIdentity) -> bool | None:
    """Whether the process still runs; `None` if that cannot be told from here.

    It can be told on Linux, in the process's own boot of its own machine, in its own pid namespace.
    """
    boot_id, pid_namespace = _place()
    here = (os.uname().nodename, boot_id, pid_namespace)
    if not boot_id or not pid_namespace or here != (process.host, process.boot_id, process.pid_namespace):
        return None
    found = _state_and_start(process.pid)
    if found is None:
        return None if _is_hidden(process.pid) else False
    state, start_ticks = found
    return state not in _GONE and start_ticks == process.start_ticks


def _place() -> tuple[str, str]:
    """Boot id and pid namespace; empty where the system has no such thing."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return "", ""


def _state_and_start(pid: int) -> tuple[str, int] | None:
    """State letter and start tick of a process; `None` if there is none to be seen."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything, brackets too
    return fields[0], int(fields[19])


def _is_hidden(pid: int) -> bool:
    """True if there is such a process though /proc does not show it (`hidepid`)."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return _state_and_start(pid) is None
