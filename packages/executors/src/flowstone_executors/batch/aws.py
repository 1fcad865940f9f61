"""The requests to AWS that the executor makes: the one place that imports boto3."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from flowstone_executors.batch.array import hundreds
from flowstone_executors.batch.errors import BatchSupportMissingError

LOG_GROUP = "/aws/batch/job"
_PATIENCE_SECONDS = 30
_THROTTLED = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "ThrottledException"}
)
_FIRST_FAILURE = 500
_log = logging.getLogger(__name__)


class AwsBatch:
    """Clients of one region, made when they are first needed. Credentials are found as boto3 finds them."""

    def __init__(self, region: str | None) -> None:
        self._region = region
        self._clients: dict[str, Any] = {}
        self._definitions: dict[str, str] = {}
        self._is_fargate: dict[str, bool] = {}

    @property
    def region(self) -> str:
        """The region's name."""
        name: str = self._client("batch").meta.region_name
        return name

    def definition(self, request: Mapping[str, Any]) -> str:
        """`name:revision` of the job definition, registered if nobody has registered it before."""
        name = request["jobDefinitionName"]
        if name not in self._definitions:
            batch = self._client("batch")
            found = _whole(
                batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE"), "jobDefinitions"
            )
            answer = found[0] if found else batch.register_job_definition(**request)
            self._definitions[name] = f"{name}:{_whole(answer, 'revision')}"
        return self._definitions[name]

    def is_fargate(self, queue: str) -> bool:
        """Whether a queue's jobs run in Fargate; `False` if one may not know."""
        if queue not in self._is_fargate:
            self._is_fargate[queue] = self._asked_fargate(queue)
        return self._is_fargate[queue]

    def _asked_fargate(self, queue: str) -> bool:
        batch = self._client("batch")
        try:
            queues = batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
            names = [each["computeEnvironment"] for item in queues for each in item["computeEnvironmentOrder"]]
            found = batch.describe_compute_environments(computeEnvironments=names[:1])["computeEnvironments"]
        except self.errors() as error:
            if is_passing(error):
                raise
            _log.info("cannot see whether the queue %s is one of Fargate: %s", queue, error)
            return False
        return any(str(each.get("computeResources", {}).get("type")).startswith("FARGATE") for each in found)

    def submit(self, request: Mapping[str, Any]) -> str:
        """The id of the job. Not tried again here: an answer that got lost may mean that there is a job."""
        job_id: str = _whole(self._client("batch", attempts=1).submit_job(**request), "jobId")
        return job_id

    def find(self, queue: str, job_name: str) -> str | None:
        """The id of the job of this name, if there is one."""
        answer = self._client("batch").list_jobs(
            jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [job_name]}]
        )
        found = [job["jobId"] for job in _whole(answer, "jobSummaryList") if job["jobName"] == job_name]
        return found[0] if found else None

    def describe(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Descriptions by id; what AWS does not know is missing."""
        found = {}
        for some in hundreds(list(job_ids)):
            for job in _whole(self._client("batch").describe_jobs(jobs=some), "jobs"):
                found[job["jobId"]] = job
        return found

    def terminate(self, job_id: str, reason: str) -> None:
        """End a job wherever it stands."""
        self._client("batch").terminate_job(jobId=job_id, reason=reason)

    def log_lines(self, group: str, stream: str, token: str | None) -> tuple[list[str], str | None]:
        """What came since, and where to go on; nothing of a stream that is not there yet."""
        logs = self._client("logs")
        asked = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        try:
            answer = logs.get_log_events(**asked, **({} if token is None else {"nextToken": token}))
        except logs.exceptions.ResourceNotFoundException:
            return [], token
        return [event["message"] for event in _whole(answer, "events")], answer["nextForwardToken"]

    def errors(self) -> tuple[type[Exception], ...]:
        """What the methods raise."""
        from botocore.exceptions import BotoCoreError, ClientError

        return BotoCoreError, ClientError

    def _client(self, service: str, attempts: int = 5) -> Any:  # boto3 makes its classes when it runs
        key = f"{service} {attempts}"
        if key not in self._clients:
            try:
                import boto3
                from botocore.config import Config
            except ImportError as error:
                raise BatchSupportMissingError from error
            config = Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=_PATIENCE_SECONDS,
                read_timeout=_PATIENCE_SECONDS,
            )
            session = boto3.session.Session(region_name=self._region)
            self._clients[key] = session.client(service, config=config)
        return self._clients[key]


def _whole(answer: Mapping[str, Any], name: str) -> Any:
    """A field that every answer has; boto3 takes one that broke off for one without fields."""
    if name not in answer:
        from botocore.exceptions import ConnectionClosedError

        raise ConnectionClosedError(endpoint_url="AWS Batch")
    return answer[name]


def is_throttled(error: Exception) -> bool:
    """True if AWS did nothing because there were too many requests."""
    response = getattr(error, "response", None) or {}
    return response.get("Error", {}).get("Code") in _THROTTLED


def is_passing(error: Exception) -> bool:
    """True if trying again may help: throttled, a fault of AWS, no connection."""
    response = getattr(error, "response", None)
    if response is None:
        return type(error).__name__ not in {"NoCredentialsError", "NoRegionError", "ParamValidationError"}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", _FIRST_FAILURE)
    return is_throttled(error) or status >= _FIRST_FAILURE
