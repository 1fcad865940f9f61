"""Collecting a bucket while others write, and when it breaks off in the middle."""

import random
import threading
import time

import pytest

from flowstone_datastore import (
    ArtifactTable,
    Datastore,
    KeepRules,
    RunEnded,
    RunStarted,
    StorageError,
    TaskFinished,
)
from flowstone_datastore.store_check import check

DAY = 86400.0
NOW = time.time() + 10 * DAY


def blob(seed):
    """Bytes that make a chunk of their own and do not compress."""
    return random.Random(seed).randbytes(20_000)


def record(store, run_id, seeds, *, ends):
    """A run with one task per value."""
    store.claim_run_id("F", run_id, 1.0)
    writer = store.journal("F", run_id).writer("main")
    writer.append(RunStarted(time=1.0, flow="F", run_id=run_id))
    for seed in seeds:
        table = ArtifactTable(entries={"x": store.artifacts.save(blob(seed))})
        writer.append(TaskFinished(time=2.0, step="a", task=str(seed), artifacts=table))
    if ends:
        writer.append(RunEnded(time=3.0, state="finished"))
    return writer


def assert_all_loads(store, run_id, seeds):
    """Each task of a run is there, with the value of its number."""
    tasks = {}
    for _, found in store.journal("F", run_id).records():
        if isinstance(found, TaskFinished):
            tasks[int(found.task)] = store.artifacts.load(found.artifacts.entries["x"])
    assert tasks == {seed: blob(seed) for seed in seeds}


@pytest.fixture
def store(s3_url):
    """A bucket, reached directly."""
    return Datastore.open(s3_url, create=True)


@pytest.fixture
def proxied(store, s3_proxy, s3_port):
    """The same bucket, reached through `s3_proxy`."""
    return Datastore.open(store.storage.url.replace(f"http://127.0.0.1:{s3_port}", s3_proxy.url))


def test_a_collection_that_breaks_off_anywhere_loses_nothing_and_is_finished_by_the_next(store, proxied, s3_proxy):
    """At the first request, at the fourth, ... until one comes through; each goes on where the last stopped."""
    record(store, "1", [0, 10], ends=True)
    record(store, "2", [0, 20], ends=True)
    breaks_off = 0
    while True:
        s3_proxy.requests.clear()
        s3_proxy.fault = lambda method, target, at=breaks_off: (
            (403, "AccessDenied") if len(s3_proxy.requests) > at else None
        )
        try:
            proxied.collect(KeepRules(keep_last=1), NOW)
        except StorageError:
            if s3_proxy.count("DELETE") or s3_proxy.count("POST") or s3_proxy.count("PUT"):
                assert_all_loads(store, "2", [0, 20])
                assert check(store).is_clean
        else:
            break
        breaks_off += 3
    assert breaks_off > 30
    assert [*store.run_ids("F")] == ["2"]
    assert_all_loads(store, "2", [0, 20])
    report = check(store)
    assert report.is_clean
    assert report.unreachable_chunks == 0


def test_what_a_writer_stores_and_records_between_the_requests_of_a_collection_stays(store, proxied, s3_proxy):
    """It runs on another machine, knows nothing of the collection, and does not wait."""
    record(store, "1", range(10, 14), ends=True)
    record(store, "2", [0], ends=True)
    time.sleep(3)  # what is there is now older than the period of grace; S3 counts in seconds
    writer = record(store, "3", [], ends=False)
    seeds = []

    one_at_a_time = threading.Lock()

    def write(method, target):
        with one_at_a_time:
            seed = 100 + len(seeds)
            table = ArtifactTable(entries={"x": store.artifacts.save(blob(seed))})
            writer.append(TaskFinished(time=2.0, step="a", task=str(seed), artifacts=table))
            seeds.append(seed)

    s3_proxy.fault = write
    report = proxied.collect(KeepRules(keep_last=2), time.time(), grace_seconds=2.0)
    s3_proxy.fault = lambda method, target: None
    assert len(report.done.chunks) == 4
    assert len(seeds) > 10
    assert_all_loads(store, "2", [0])
    assert_all_loads(store, "3", seeds)
    assert check(store).is_clean
