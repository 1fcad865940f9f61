"""A job: what was asked for, and what has become of it."""

import enum
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_sandbox.batch.capacity import Need
from flowstone_sandbox.batch.retry import RetryStrategy

EXITED = "Essential container in task exited"
"""What AWS says of every task whose container ran and ended, well or not."""


class Status(str, enum.Enum):
    """Where a job stands, in the order in which they follow each other."""

    __str__ = str.__str__  # as in StrEnum, which Python 3.10 does not have

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """True if nothing follows."""
        return self in {Status.SUCCEEDED, Status.FAILED}

    @property
    def has_begun(self) -> bool:
        """True from the moment at which a job can no longer be cancelled, only terminated."""
        return self not in {Status.SUBMITTED, Status.PENDING, Status.RUNNABLE}


@attrs.frozen
class Dependency:
    """A job that must succeed first."""

    job_id: str | None
    """`None`: of an array, the child before."""
    kind: str | None = None
    """`SEQUENTIAL`, `N_TO_N`, or nothing: the whole job."""

    def awaited_by(self, index: int | None) -> str | None:
        """The id of the job that a job, or the child `index` of an array, waits for; `None` for nobody."""
        if index is None or self.kind is None:
            return self.job_id
        if self.kind == "N_TO_N":
            return f"{self.job_id}:{index}"
        return None  # SEQUENTIAL: the child before, of which the array itself knows

    def as_json(self) -> dict[str, str]:
        """As requests and answers have it."""
        said = {"jobId": self.job_id, "type": self.kind}
        return {name: value for name, value in said.items() if value is not None}


@attrs.frozen
class Submission:
    """A request for a job, settled against its definition: nothing is looked up later."""

    name: str
    region: str
    queue_name: str
    queue_arn: str
    queue_priority: int
    environment_name: str
    """Of the compute environment."""
    definition_name: str
    definition_arn: str
    container: Mapping[str, Any]
    """The container's properties with the overrides applied, as `DescribeJobs` tells them."""
    command: tuple[str, ...]
    """With its parameters filled in."""
    need: Need
    retry: RetryStrategy
    timeout_seconds: float | None
    depends_on: tuple[Dependency, ...]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    size: int | None
    """Of an array: how many children."""
    platforms: tuple[str, ...]

    @property
    def variables(self) -> dict[str, str]:
        """The environment that definition and request give."""
        return {item["name"]: item["value"] for item in self.container["environment"]}


@attrs.define
class Attempt:
    """One try of a job."""

    number: int
    log_stream: str
    task_arn: str
    started_at: int | None = None
    """Milliseconds since 1970, as are all times here."""
    stopped_at: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    status_reason: str | None = None
    gpus: tuple[int, ...] = ()


@attrs.define(eq=False)
class Job:
    """A job, an array, or a child of one, as it stands. Changed by `Jobs` alone, under its lock."""

    id: str
    submission: Submission
    created_at: int
    index: int | None = None
    """Of a child: which."""
    parent: "Job | None" = None
    children: list["Job"] = attrs.field(factory=list)
    status: Status = Status.SUBMITTED
    status_reason: str | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    attempts: list[Attempt] = attrs.field(factory=list)
    awaited: set[str] = attrs.field(factory=set)
    """The jobs that have to succeed first, as far as they have not."""
    end_reason: str | None = None
    """Why somebody asked it to end."""
    is_cancelled: bool = False
    is_terminated: bool = False
    counts: Counter[Status] = attrs.field(factory=Counter)
    """Of an array: how many children stand where."""

    @property
    def arn(self) -> str:
        """Its name in all of AWS."""
        queue = self.submission.queue_arn
        return f"{queue[: queue.rindex(':')]}:job/{self.id}"

    @property
    def is_array(self) -> bool:
        """True if it does nothing itself and stands for its children."""
        return self.submission.size is not None and self.index is None
