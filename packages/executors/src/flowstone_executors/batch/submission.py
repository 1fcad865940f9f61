"""What a group of requests is as a request to AWS Batch, and as an object for its jobs. Pure."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from flowstone_executors.batch.job_definition import job_definition
from flowstone_executors.batch.options import BatchOptions
from flowstone_executors.node import program_argv
from flowstone_executors.node.job_objects import request_object
from flowstone_interfaces import TaskRequest

_AGENT = tuple(f"flowstone_executors.node.{name}" for name in ("credentials", "s3", "job_objects", "agent"))
FOLDER = "jobs"
"""Of the staging: request objects, and beside them end objects."""
_LONGEST_NAME = 128
_LEAST_LIMIT_SECONDS = 60
_LIMIT_GRACE_SECONDS = 300
"""The job itself keeps the time limit; that of AWS Batch is for one that hangs."""


@attrs.define(eq=False)
class Submission:
    """A group on its way to AWS."""

    requests: list[TaskRequest]
    options: BatchOptions
    name: str
    """Of the job; no other has it."""
    request_name: str
    """Of the request object in the staging."""
    tries: int = 0
    due: float = 0.0
    """By the monotonic clock: not before then."""
    is_staged: bool = False
    is_unsure: bool = False
    """True if an answer got lost: there may be a job of this name."""

    def definition(self, *, is_fargate: bool) -> dict[str, Any]:
        """The job definition of all of them."""
        command = program_argv(*_AGENT, python=self.options.executable)
        return job_definition(self.options, command, is_fargate=is_fargate)

    def object(self) -> bytes:
        """The request object."""
        fields: list[dict[str, object]] = [
            {"environ": dict(each.environ), "timeout_seconds": each.timeout_seconds} for each in self.requests
        ]
        payloads = [each.payload for each in self.requests]
        common = {
            "argv": list(self.requests[0].argv),
            "job_name": self.name,
            "queue": self.options.queue,
            "ids": [each.id for each in self.requests],
        }
        return request_object(common, list(zip(fields, payloads, strict=True)))

    def job(self, definition: str, staging_url: str, region: str, run: str) -> dict[str, Any]:
        """The request for the job or the array."""
        variables = {"FLOWSTONE_REQUEST": f"{staging_url}#{self.request_name}", "AWS_DEFAULT_REGION": region}
        flow, _, run_id = run.partition("/")
        request: dict[str, Any] = {
            "jobName": self.name,
            "jobQueue": self.options.queue,
            "jobDefinition": definition,
            "containerOverrides": {
                "environment": [{"name": name, "value": value} for name, value in variables.items()]
            },
            "tags": {"flowstone.flow": flow, "flowstone.run": run_id, **self.options.aws_batch_tags},
            "propagateTags": True,
        }
        if len(self.requests) > 1:
            request["arrayProperties"] = {"size": len(self.requests)}
        seconds = self.requests[0].timeout_seconds
        if seconds is not None:
            limit = max(_LEAST_LIMIT_SECONDS, round(seconds + _LIMIT_GRACE_SECONDS))
            request["timeout"] = {"attemptDurationSeconds": limit}
        return request


def new_submission(requests: list[TaskRequest], settings: Mapping[str, Any], run: str, number: str) -> Submission:
    """The submission of a group; `number` is in no other name of this run.

    Raises:
        BatchRequestError: an option says what cannot be.
    """
    options = BatchOptions.of(requests[0], settings)
    return Submission(requests, options, job_name(run, requests[0].id, number), f"{FOLDER}/{number}")


def job_name(run: str, request_id: str, number: str) -> str:
    """For people, and to be found by: flow, run, step and the number, in characters that AWS Batch takes.

    >>> job_name("Train/20260101-120000-k3f9", "fit/3", "1a2b-7")
    'Train-20260101-120000-k3f9-fit-1a2b-7'
    """
    text = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{run}-{request_id.rpartition('/')[0]}").lstrip("-_")
    return f"{text[: _LONGEST_NAME - len(number) - 1]}-{number}"


def is_reachable(staging_url: str) -> bool:
    """Whether a job can read there: S3, and nothing else."""
    return urlsplit(staging_url).scheme == "s3"
