"""Jobs of AWS Batch, in a cloud on this machine."""

import os
import threading
from collections.abc import Iterator

import attrs
import pytest

from flowstone_executors.testing import Events, ExecutorContract, contract_request
from flowstone_interfaces import ExecutorPlace, Stream, TaskFinished, TaskLog

pytest.importorskip("boto3")
pytest.importorskip("moto")
pytest.importorskip("flowstone_sandbox")

from flowstone_executors.batch import BatchExecutor
from flowstone_sandbox.options import SandboxOptions
from flowstone_sandbox.testing import Fault, SandboxClient, running_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory) -> Iterator[SandboxClient]:
    options = SandboxOptions(slots=4, path=os.environ["PATH"], stop_seconds=2.0)
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), options) as client:
        yield client


@attrs.define
class BucketStaging:
    """A place in a bucket, by boto3 alone."""

    sandbox: SandboxClient
    prefix: str
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"s3://flowstone/{self.prefix}?endpoint_url={self.sandbox.running.url}"

    def put(self, name: str, data: bytes) -> None:
        self.sandbox.boto3("s3").put_object(Bucket="flowstone", Key=f"{self.prefix}/{name}", Body=data)

    def get(self, name: str) -> bytes | None:
        s3 = self.sandbox.boto3("s3")
        try:
            return s3.get_object(Bucket="flowstone", Key=f"{self.prefix}/{name}")["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None

    def list(self, folder: str) -> list[str]:
        start = f"{self.prefix}/{folder}/"
        found = self.sandbox.boto3("s3").list_objects_v2(Bucket="flowstone", Prefix=start).get("Contents", [])
        return [each["Key"].removeprefix(start) for each in found]


@pytest.fixture
def place(sandbox, monkeypatch, request) -> ExecutorPlace:
    for name, value in sandbox.running.variables.items():
        monkeypatch.setenv(name, value)
    staging = BucketStaging(sandbox, f"staging-{abs(hash(request.node.name))}")
    return ExecutorPlace("Contract/1", staging, {"queue": "sandbox"})


class TestBatchKeepsTheContract(ExecutorContract):
    """What every executor must do, by real jobs."""

    patience_seconds = 120.0

    @pytest.fixture(autouse=True)
    def _place(self, place) -> None:
        self.place = place

    def make_executor(self, post):
        return BatchExecutor(post, self.place)


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def executor(place, events) -> Iterator[BatchExecutor]:
    made = BatchExecutor(events.post, place)
    yield made
    made.close()


def test_an_answer_that_got_lost_starts_no_second_job(sandbox, executor, events) -> None:
    """It would compute, and cost, twice."""
    before = sandbox.status()["jobs"]["SUCCEEDED"]
    sandbox.set_faults(Fault(service="batch", action="SubmitJob", cut_bytes=5, times=1))
    executor.submit(contract_request("one", ("result", "x")))
    events.until(TaskFinished)
    sandbox.set_faults()
    assert events.finished()[0].result == b"x"
    assert sandbox.status()["jobs"]["SUCCEEDED"] == before + 1


def test_throttled_requests_are_made_again(sandbox, executor, events) -> None:
    """Hundreds of people may share an account."""
    busy = {"status": 429, "code": "TooManyRequestsException", "times": 2}
    sandbox.set_faults(*(Fault(service="batch", action=name, **busy) for name in ("SubmitJob", "DescribeJobs")))
    executor.submit(contract_request("one", ("exit", 3)))
    events.until(TaskFinished)
    sandbox.set_faults()
    assert events.finished()[0].exit_code == 3


def test_output_of_any_size_is_complete_and_in_order(executor, events) -> None:
    """Some of it does not fit into the object that a job leaves, and some lines into none of a log service."""
    long = "y" * 40_000
    lines = ("write", ["stdout", "0123456789\n", 250_000])
    executor.submit(contract_request("one", lines, ("write", ["stdout", f"{long}\n", 1]), ("exit", 0)))
    events.until(TaskFinished)
    assert events.output(Stream.STDOUT) == b"0123456789\n" * 250_000 + long.encode() + b"\n"


def test_output_is_seen_while_the_job_runs(executor, events) -> None:
    """Training for ten hours in the dark is no fun."""
    executor.submit(
        contract_request("one", ("write", ["stderr", "epoch 1\n" + "." * 20_000 + "\n", 1]), ("sleep", 60))
    )
    while b"epoch 1" not in events.output(Stream.STDERR):
        events.until(TaskLog, len([each for each in events.seen if isinstance(each, TaskLog)]) + 1)
    executor.cancel("one")
    events.until(TaskFinished)
