"""Jobs that were submitted together, and where each of them stands. No requests are made here."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from flowstone_interfaces import Staging, TaskRequest

RUNNING = frozenset({"STARTING", "RUNNING"})
ENDED = frozenset({"SUCCEEDED", "FAILED"})


@attrs.define(eq=False)
class Child:
    """One job: of an array, or alone."""

    job_id: str
    request_id: str
    index: int
    status: str = "SUBMITTED"
    is_started: bool = False
    """True once `TaskStarted` was posted."""
    is_cancelled: bool = False
    running_since: float = 0.0
    """By the monotonic clock: when it was first seen running."""
    log_stream: str = ""
    log_token: str | None = None
    lines_shown: int = 0
    """How many of its printed lines were posted while it ran."""


@attrs.define(eq=False)
class JobArray:
    """The jobs of one `SubmitJob`."""

    job_id: str
    staging: Staging
    request_name: str
    """Of the request object in the staging."""
    children: list[Child]
    """Those that matter: of an array that was taken over, the others have ended before."""
    size: int
    """Of the array; 1 for a job that stands alone."""
    unknown_since: float | None = None
    """By the monotonic clock: since when AWS says that there is no such job."""
    open: dict[int, Child] = attrs.field(init=False)
    """Those that have not ended, by their index."""

    def __attrs_post_init__(self) -> None:
        self.open = {child.index: child for child in self.children}

    @classmethod
    def of(cls, job_id: str, staging: Staging, request_name: str, requests: list[TaskRequest]) -> "JobArray":
        """The array of these requests, in their order; a single request makes a job that is no array."""
        ids = {index: request.id for index, request in enumerate(requests)}
        return cls.taken_over(job_id, staging, request_name, ids, len(requests))

    @classmethod
    def taken_over(
        cls, job_id: str, staging: Staging, request_name: str, ids: Mapping[int, str], size: int
    ) -> "JobArray":
        """Some jobs of an array: the id of the request of each, by its index."""
        children = [
            Child(f"{job_id}:{index}" if size > 1 else job_id, request_id, index)
            for index, request_id in ids.items()
        ]
        return cls(job_id, staging, request_name, children, size)

    @property
    def is_array(self) -> bool:
        """False for a job that stands alone."""
        return self.size > 1

    def candidates(self) -> list[Child]:
        """Those that have not ended, in the order in which it pays to look at them: what runs, then by index."""
        return sorted(self.open.values(), key=lambda child: (child.status not in RUNNING, child.index))

    def is_as_counted(self, counts: Mapping[str, int]) -> bool:
        """Whether what is known of the children is what the array's `statusSummary` says."""
        # One by one: only of a job that runs AWS says which log it writes, not of one that starts.
        known = Counter(child.status for child in self.open.values())
        ended = sum(counts.get(name, 0) for name in ENDED)
        return ended == self.size - len(self.open) and all(known[name] == counts.get(name, 0) for name in RUNNING)


def hundreds(items: list[Any], size: int = 100) -> Iterator[list[Any]]:
    """The items, so many at a time as one request may name."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
