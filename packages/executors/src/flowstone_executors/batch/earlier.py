"""Jobs of the runs that this one goes on with: found by what those left in their staging."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import attrs

from flowstone_executors.batch.submission import FOLDER
from flowstone_executors.node.job_objects import end_name, head_of
from flowstone_interfaces import Staging

_END = ".end"


@attrs.frozen
class EarlierArray:
    """An array, or a job that stands alone, as its request object tells of it."""

    staging: Staging
    request_name: str
    job_name: str
    queue: str
    ids: tuple[str, ...]
    """Of the requests, by index."""
    ended: frozenset[int]
    """The indices of the jobs that left an end object."""

    def job_id(self, found: str, index: int) -> str:
        """The id of one of the jobs, of what was found under the name."""
        return f"{found}:{index}" if len(self.ids) > 1 else found

    def end_name(self, index: int) -> str:
        """The name of a job's end object."""
        return end_name(self.request_name, index)


@attrs.frozen
class EarlierJob:
    """One job."""

    array: EarlierArray
    index: int

    @property
    def has_ended(self) -> bool:
        """Whether it left an end object."""
        return self.index in self.array.ended


@attrs.define
class EarlierJobs:
    """All of them; each can be taken over once."""

    by_request: dict[str, EarlierJob]
    """The newest for each request."""

    @classmethod
    def of(cls, stagings: Sequence[Staging]) -> "EarlierJobs":
        """Those of the stagings, of which the newest comes first.

        Raises:
            FlowstoneError: a staging cannot be read.
        """
        found: dict[str, EarlierJob] = {}
        for staging in stagings:
            own: dict[str, EarlierJob] = {}
            for array in _arrays(staging):
                own.update({each: EarlierJob(array, index) for index, each in enumerate(array.ids)})
            found = {**own, **found}
        return cls(found)

    def take(self, request_id: str) -> EarlierJob | None:
        """The job for this request, if there is one."""
        return self.by_request.pop(request_id, None)

    def left(self) -> list[EarlierJob]:
        """What nobody took."""
        return list(self.by_request.values())


def by_array(jobs: Iterable[EarlierJob]) -> Iterator[tuple[EarlierArray, list[int]]]:
    """The arrays of the jobs, each with the indices of those."""
    arrays: dict[int, tuple[EarlierArray, list[int]]] = {}
    for job in jobs:
        arrays.setdefault(id(job.array), (job.array, []))[1].append(job.index)
    yield from arrays.values()


def _arrays(staging: Staging) -> list[EarlierArray]:
    """In the order in which they were submitted."""
    names = [*staging.list(FOLDER)]
    ended: dict[str, set[int]] = {}
    for name in names:
        if name.endswith(_END):
            request, _, index = name.removesuffix(_END).rpartition(".")
            ended.setdefault(request, set()).add(int(index))
    requests = sorted([name for name in names if "." not in name], key=_number)
    found = []
    for name in requests:
        data = staging.get(f"{FOLDER}/{name}")
        if data is not None:
            head: Mapping[str, Any] = head_of(data)
            found.append(
                EarlierArray(
                    staging,
                    f"{FOLDER}/{name}",
                    cast("str", head["job_name"]),
                    cast("str", head["queue"]),
                    tuple(cast("list[str]", head["ids"])),
                    frozenset(ended.get(name, ())),
                )
            )
    return found


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
