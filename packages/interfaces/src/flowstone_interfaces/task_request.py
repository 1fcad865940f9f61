"""All that an executor needs to know to run one attempt of one task."""

from collections.abc import Mapping
from typing import Any

import attrs


def _copied(environ: Mapping[str, str]) -> Mapping[str, str]:
    return dict(environ)


def _copied_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(options)


@attrs.frozen
class Resources:
    """What one task needs of the machine it runs on. `None` leaves the choice to the executor."""

    cpus: float | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    disk_mib: int | None = None
    shared_memory_mib: int | None = None


@attrs.frozen
class TaskRequest:
    """One program to run once. A value: it says everything and holds nothing open.

    The program reads `payload` and may send back one result; how both travel is
    the executor's business (a pipe, an object in the store), what they hold is not.
    """

    id: str
    """Unique among the requests of one scheduler; events carry it back. For people: a task's pathspec."""
    argv: tuple[str, ...]
    """The program and its arguments, for executors that start processes."""
    payload: bytes
    """What the program reads: opaque to the executor, any size."""
    environ: Mapping[str, str] = attrs.field(factory=dict, converter=_copied, hash=False)
    """Environment variables to set on top of the executor's own; a copy of what was given."""
    resources: Resources = Resources()
    timeout_seconds: float | None = None
    """Kill the attempt after this long; `None` for never."""
    code_address: str | None = None
    """Where in the store the code is; `None` if the program finds it by itself."""
    environment_address: str | None = None
    """Which locked environment to run in; `None` for the executor's own."""
    image: str | None = None
    """A container image, for executors that have such."""
    executor: str | None = None
    """The name of the executor that is to run it; `None` for the scheduler's own machine."""
    may_take_over: bool = False
    """True if a request of the same id, which an earlier run has made and which still runs or has succeeded since,
    is as good as this one."""
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_copied_options, hash=False)
    """What that executor alone understands: plain values, as JSON can hold them; a copy of what was given."""
