"""One sandbox for all tests of a process, and short ways to its Batch."""

import itertools
import os
import time

import attrs
import pytest

from flowstone_sandbox import SandboxOptions
from flowstone_sandbox.testing import running_sandbox

NUMBERS = itertools.count()


class Batch:
    """A boto3 client, and what every test does with it."""

    def __init__(self, client):
        self.sandbox = client
        self.batch = client.boto3("batch")
        self.logs = client.boto3("logs")

    def define(self, *command, name=None, memory="256", vcpus="1", gpus=None, **more):
        name = name or f"job{next(NUMBERS)}"
        amounts = {"VCPU": vcpus, "MEMORY": memory, **({"GPU": gpus} if gpus else {})}
        properties = {
            "image": more.pop("image", "python:3.11"),
            "command": list(command),
            "environment": more.pop("environment", []),
            "resourceRequirements": [{"type": kind, "value": value} for kind, value in amounts.items()],
        }
        self.batch.register_job_definition(
            jobDefinitionName=name, type="container", containerProperties=properties, **more
        )
        return name

    def submit(self, definition, **more):
        name = more.pop("name", definition)
        return self.batch.submit_job(jobName=name, jobQueue="sandbox", jobDefinition=definition, **more)["jobId"]

    def run(self, *command, submitted=None, **more):
        """Define a job, submit it and wait for its end."""
        return self.wait(self.submit(self.define(*command, **more), **(submitted or {})))

    def job(self, job_id):
        return self.batch.describe_jobs(jobs=[job_id])["jobs"][0]

    def wait(self, job_id, *statuses, seconds=60):
        statuses = statuses or ("SUCCEEDED", "FAILED")
        deadline = time.monotonic() + seconds
        while (job := self.job(job_id))["status"] not in statuses:
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job

    def lines(self, job):
        stream = job["container"]["logStreamName"]
        page = self.logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)
        return [event["message"] for event in page["events"]]

    def wait_for_line(self, job_id, line, seconds=60):
        job = self.wait(job_id, "RUNNING")
        deadline = time.monotonic() + seconds
        while line not in self.lines(job):
            assert time.monotonic() < deadline, (job, self.lines(job))
            time.sleep(0.02)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    images = tmp_path_factory.mktemp("images")
    (images / "greet").write_text("#!/bin/sh\necho hello from the image\n")
    (images / "greet").chmod(0o755)
    options = attrs.evolve(
        SandboxOptions(),
        path=os.environ["PATH"],
        vcpus=8,
        gpus=4,
        stop_seconds=1.0,
        images={"greeter": str(images)},
    )
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), options) as client:
        yield client


@pytest.fixture(scope="session")
def clients(sandbox):
    return Batch(sandbox)


@pytest.fixture
def batch(clients):
    yield clients
    clients.sandbox.set_faults()
