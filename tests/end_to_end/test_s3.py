"""Flows whose store is a bucket."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstone import Client, Flow

pytest.importorskip("boto3")
pytest.importorskip("moto")

SERVER = Path(__file__).parents[2] / "packages" / "datastore" / "tests" / "s3_server.py"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request, Signature=0"

FLOW = """
    import random

    class Far(FlowSpec):
        @step
        def start(self):
            self.large = random.Random(1).randbytes(300_000)
            self.text = "compresses " * 20_000
            self.items = [1, 2, 3]
            self.next(self.square, foreach="items")

        @step
        def square(self):
            print("squaring", self.input)
            assert len(self.large) == 300_000
            self.result = self.input ** 2 + len(self.text)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.result for i in inputs)
            self.merge_artifacts(inputs, exclude=["result"])
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Far()
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3 server."""
    process = subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def store(endpoint, monkeypatch, tmp_path, request) -> str:
    """The URL of a new bucket; the cache is in the test's own folder."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    bucket = f"flows-{os.getpid()}-{abs(hash(request.node.name))}"
    connection = http.client.HTTPConnection(endpoint)
    connection.request("PUT", f"/{bucket}", headers={"Authorization": SIGNED})
    assert connection.getresponse().status == 200
    connection.close()
    return f"s3://{bucket}/some/prefix?endpoint_url=http://{endpoint}"


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_a_flow_runs_with_its_store_in_a_bucket(flow_file, store, tmp_path, isolation) -> None:
    """Whatever its tasks are isolated by: no connection is shared with another process."""
    flow = flow_file(FLOW)
    flow.call("--store", store, "run", "--isolation", isolation)
    run = Flow("Far", client=Client(store)).latest_run
    assert run.state.value == "finished"
    assert run.data.total == 1 + 4 + 9 + 3 * 220_000
    assert len(run.data.large) == 300_000
    assert not (tmp_path / ".flowstone").exists()
    kept = [file for file in (tmp_path / "caches/flowstone/chunks").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in kept) > 300_000


def test_a_cache_that_is_switched_off_keeps_nothing(flow_file, store, tmp_path) -> None:
    """Some machines have no disk to spare."""
    flow_file(FLOW).call("--store", store, "run", environ={"FLOWSTONE_CACHE_SIZE": "0"})
    assert Flow("Far", client=Client(store)).latest_run.successful
    assert not (tmp_path / "caches").exists()
