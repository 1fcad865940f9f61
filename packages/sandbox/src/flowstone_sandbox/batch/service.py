"""The requests of AWS Batch that concern jobs. Queues, environments and definitions are moto's."""

import fnmatch
import logging
from collections.abc import Callable, Mapping
from typing import Any

from flowstone_sandbox.batch.description import description, summary
from flowstone_sandbox.batch.errors import InvalidRequestError
from flowstone_sandbox.batch.job import Job, Status
from flowstone_sandbox.batch.jobs import Jobs
from flowstone_sandbox.batch.submission import settle
from flowstone_sandbox.options import ACCOUNT

MOST_DESCRIBED = 100
PAGE = 100

_log = logging.getLogger(__name__)


class BatchService:
    """Answers requests, given as JSON values."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._answers: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
            "submitjob": self._submit,
            "describejobs": self._describe,
            "listjobs": self._list,
            "canceljob": self._cancel,
            "terminatejob": self._terminate,
        }

    def answers(self, action: str) -> bool:
        """True if the action, in lowercase, is one of those that are answered here."""
        return action in self._answers

    def answer(self, action: str, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        """Do what is asked for, and say what came of it.

        Raises:
            InvalidRequestError: AWS would refuse it.
        """
        return self._answers[action](request, region)

    def _submit(self, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        backend = _backend(region)
        queue = backend.get_job_queue(request.get("jobQueue") or "")
        if queue is None:
            raise InvalidRequestError(f"Job queue {request.get('jobQueue')} does not exist")
        definition = _definition(backend, request.get("jobDefinition") or "")
        if definition is None:
            raise InvalidRequestError(f"Job definition {request.get('jobDefinition')} does not exist")
        job = self._jobs.submit(settle(request, queue, definition, region))
        _log.info("job %s %s: submitted to %s", job.id, job.submission.name, queue.name)
        return {"jobArn": job.arn, "jobId": job.id, "jobName": job.submission.name}

    def _describe(self, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        names = request.get("jobs") or []
        if len(names) > MOST_DESCRIBED:
            raise InvalidRequestError(f"jobs has {len(names)} ids; at most {MOST_DESCRIBED} are taken")
        with self._jobs.lock:
            found = [self._jobs.find(name) for name in names]
            return {"jobs": [description(job) for job in found if job is not None]}

    def _list(self, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        queue, array = request.get("jobQueue"), request.get("arrayJobId")
        if (queue is None) == (array is None):
            raise InvalidRequestError("Exactly one of jobQueue and arrayJobId must be given")
        with self._jobs.lock:
            if array is not None:
                candidates = self._job(array).children
            else:
                found = _backend(region).get_job_queue(queue or "")
                if found is None:
                    raise InvalidRequestError(f"Job queue {queue} does not exist")
                candidates = self._jobs.of_queue(found.arn)
            filters = request.get("filters") if array is None else None
            if filters:
                chosen = [job for job in reversed(candidates) if all(_passes(job, item) for item in filters)]
            else:
                status = _status(request.get("jobStatus") or Status.RUNNING)
                chosen = [job for job in candidates if job.status is status]
            start = _position(request.get("nextToken"))
            end = start + min(request.get("maxResults") or PAGE, PAGE)
            answer: dict[str, Any] = {"jobSummaryList": [summary(job) for job in chosen[start:end]]}
            if end < len(chosen):
                answer["nextToken"] = str(end)
            return answer

    def _cancel(self, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        self._jobs.cancel(self._job(request.get("jobId")), _reason(request))
        return {}

    def _terminate(self, request: Mapping[str, Any], region: str) -> dict[str, Any]:
        self._jobs.terminate(self._job(request.get("jobId")), _reason(request))
        return {}

    def _job(self, job_id: str | None) -> Job:
        job = self._jobs.find(job_id or "")
        if job is None:
            raise InvalidRequestError(f"Job {job_id} does not exist")
        return job


def _backend(region: str) -> Any:
    from moto.batch.models import batch_backends

    return batch_backends[ACCOUNT][region]


def _definition(backend: Any, name: str) -> Any:
    """A definition by its ARN, by name and revision, or the newest active one of a name."""
    short = name.rpartition("/")[2]
    name, _, revision = short.partition(":")
    found = [item for item in backend._job_definitions.values() if item.name == name]  # noqa: SLF001
    if revision:
        return next((item for item in found if str(item.revision) == revision), None)
    active = [item for item in found if item.status == "ACTIVE"]
    return max(active, key=lambda item: item.revision, default=None)


def _reason(request: Mapping[str, Any]) -> str:
    reason = request.get("reason")
    if not reason:
        raise InvalidRequestError("reason must be given")
    return str(reason)


def _status(name: str) -> Status:
    try:
        return Status(name)
    except ValueError as error:
        raise InvalidRequestError(f"Job status {name} is not one of {', '.join(Status)}") from error


def _position(token: str | None) -> int:
    if token is not None and not token.isdigit():
        raise InvalidRequestError(f"The nextToken {token!r} is none that was given out")
    return int(token or 0)


def _passes(job: Job, item: Mapping[str, Any]) -> bool:
    name, values = item.get("name"), item.get("values") or []
    match name:
        case "JOB_NAME":
            return any(_names(value.lower(), job.submission.name.lower()) for value in values)
        case "JOB_DEFINITION":
            short = job.submission.definition_arn.rpartition("/")[2]
            known = (job.submission.definition_arn, short, job.submission.definition_name)
            return any(_names(value, text) for value in values for text in known)
        case "BEFORE_CREATED_AT":
            return any(job.created_at < int(value) for value in values)
        case "AFTER_CREATED_AT":
            return any(job.created_at > int(value) for value in values)
    raise InvalidRequestError(f"There is no filter {name}")


def _names(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern) if pattern.endswith("*") else text == pattern
