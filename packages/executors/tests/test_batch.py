"""Jobs of AWS Batch, in a cloud on this machine."""

import os
import threading
from collections.abc import Iterator

import attrs
import pytest

from flowstone_executors.testing import ExecutorContract
from flowstone_interfaces import ExecutorPlace

pytest.importorskip("boto3")
pytest.importorskip("moto")

from flowstone_executors.batch import BatchExecutor
from flowstone_sandbox.options import SandboxOptions
from flowstone_sandbox.testing import SandboxClient, running_sandbox


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

    @pytest.fixture(autouse=True)
    def _place(self, place) -> None:
        self.place = place

    def make_executor(self, post):
        return BatchExecutor(post, self.place)
