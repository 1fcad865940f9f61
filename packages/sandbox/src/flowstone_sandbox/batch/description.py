"""Jobs as AWS Batch tells of them."""

from typing import Any

from flowstone_sandbox.batch.job import Attempt, Job, Status


def summary(job: Job) -> dict[str, Any]:
    """As `ListJobs` has it."""
    said = {
        "jobArn": job.arn,
        "jobId": job.id,
        "jobName": job.submission.name,
        "createdAt": job.created_at,
        "status": str(job.status),
        "statusReason": job.status_reason,
        "startedAt": job.started_at,
        "stoppedAt": job.stopped_at,
        "jobDefinition": job.submission.definition_arn,
        "container": _ending(job.attempts[-1]) if job.attempts else None,
        "arrayProperties": _array(job, with_counts=False),
    }
    return _without_nothing(said)


def description(job: Job) -> dict[str, Any]:
    """As `DescribeJobs` has it."""
    submission = job.submission
    last = job.attempts[-1] if job.attempts else None
    timeout = submission.timeout_seconds
    said = {
        **summary(job),
        "jobQueue": submission.queue_arn,
        "attempts": [_attempt(attempt) for attempt in job.attempts if attempt.stopped_at is not None],
        "retryStrategy": submission.retry.as_json(),
        "dependsOn": [dependency.as_json() for dependency in submission.depends_on],
        "parameters": dict(submission.parameters),
        "container": {**submission.container, "command": list(submission.command), **_place(last)},
        "timeout": None if timeout is None else {"attemptDurationSeconds": timeout},
        "tags": dict(submission.tags),
        "platformCapabilities": list(submission.platforms),
        "isCancelled": job.is_cancelled,
        "isTerminated": job.is_terminated,
        "arrayProperties": _array(job, with_counts=True),
    }
    return _without_nothing(said)


def _ending(attempt: Attempt) -> dict[str, Any]:
    return _without_nothing({"exitCode": attempt.exit_code, "reason": attempt.reason})


def _place(attempt: Attempt | None) -> dict[str, Any]:
    if attempt is None:
        return {}
    return {"logStreamName": attempt.log_stream, "taskArn": attempt.task_arn, **_ending(attempt)}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    said = {
        "container": {**_place(attempt), "networkInterfaces": []},
        "startedAt": attempt.started_at,
        "stoppedAt": attempt.stopped_at,
        "statusReason": attempt.status_reason,
    }
    return _without_nothing(said)


def _array(job: Job, *, with_counts: bool) -> dict[str, Any] | None:
    if job.index is not None:
        return {"index": job.index}
    if not job.is_array:
        return None
    size = {"size": job.submission.size}
    if not with_counts:
        return size
    return {**size, "statusSummary": {str(status): job.counts[status] for status in Status}}


def _without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
