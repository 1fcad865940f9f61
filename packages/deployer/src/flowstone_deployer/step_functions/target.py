"""Where a state machine starts its jobs and finds what they leave."""

import attrs

from flowstone_datastore.s3_settings import S3Settings
from flowstone_deployer.step_functions.job_definition import JobDefinition
from flowstone_interfaces import FlowstoneError, TaskRequest
from flowstone_interfaces.python_310 import Self


class StoreNotReachableError(FlowstoneError, ValueError):
    """A store that jobs in the cloud cannot open."""

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return f"the store {self.store} is not in S3, where jobs could reach it; deploy with --store s3://bucket/prefix"


@attrs.frozen
class Target:
    """What is the same for all jobs of a state machine."""

    bucket: str
    prefix: str
    """Of the store in its bucket; empty or ending in `/`."""
    queue: str
    """Of jobs whose step names none."""
    image: str
    """Likewise."""
    job_role: str | None = None
    """Likewise: ARN of the role of jobs, which reads and writes the store."""
    max_concurrency: int = 0
    """How many items of one foreach run at once; 0 for as many as Step Functions starts."""
    timeout_seconds: int | None = None
    """Of a whole execution; `None` for the service's own, a year."""

    @classmethod
    def of_store(
        cls,
        store: str,
        queue: str,
        image: str,
        job_role: str | None = None,
        max_concurrency: int = 0,
        timeout_seconds: int | None = None,
    ) -> Self:
        """The target of a store's URL.

        Raises:
            StoreNotReachableError: it is not in S3.
            InvalidS3UrlError: the URL is none.
        """
        if not store.startswith("s3://"):
            raise StoreNotReachableError(store)
        settings = S3Settings.from_url(store)
        prefix = f"{settings.prefix}/" if settings.prefix else ""
        return cls(settings.bucket, prefix, queue, image, job_role, max_concurrency, timeout_seconds)

    def definition_of(self, request: TaskRequest) -> JobDefinition:
        """The definition of a request's jobs: what no submission can change."""
        role = request.options.get("iam_role") or self.job_role
        return JobDefinition(request.image or self.image, request.argv, role)
