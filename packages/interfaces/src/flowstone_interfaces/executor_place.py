"""What an executor is given to work with, beside the `PostEvent` of its scheduler."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import attrs


class Staging(Protocol):
    """A place that this machine and the one that runs a task both reach: requests go there, results come back.

    Names are relative, of parts between `/`, each of letters, digits and `_.~-`. May be used from any thread.
    Every method may raise an error of the storage behind it, a `FlowstoneError`; it has tried again by then.
    """

    @property
    def url(self) -> str:
        """How a program elsewhere reaches the place: `s3://bucket/prefix?...`, never with credentials."""

    def put(self, name: str, data: bytes) -> None:
        """Make `data` the object of this name; a reader sees all of it or what was there before."""

    def get(self, name: str) -> bytes | None:
        """The object of this name; `None` if there is none."""

    def list(self, folder: str) -> Iterable[str]:
        """The last parts of the names of the objects in a folder, sorted; none if there is no such folder."""


@attrs.frozen
class ExecutorPlace:
    """For whom an executor works, and with what.

    An entry point of the group `flowstone.executors` is called with a `PostEvent` and one of these.
    """

    run: str
    """The pathspec of the run: `Flow/run`. For names that people see, and for what must be found again."""
    staging: Staging
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    """The user's settings of this executor: the table `[tool.flowstone.<name>]`."""
    earlier: tuple[Staging, ...] = ()
    """Of the runs that this one goes on with, the newest first: what still runs for them may be taken over."""
