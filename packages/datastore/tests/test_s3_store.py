"""A whole store in a bucket: what it costs in requests, and what looks after it."""

import random
import threading
import time
from pickle import PickleBuffer

import pytest

from flowstone_datastore import (
    ArtifactTable,
    ChunkCache,
    Datastore,
    KeepRules,
    RunEnded,
    RunStarted,
    StoreNotWritableError,
    TaskFinished,
)
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.deletion import delete_run
from flowstone_datastore.s3_storage import S3Storage
from flowstone_datastore.store_check import check
from flowstone_datastore.usage import usage

DAY = 86400.0
NOW = time.time() + 10 * DAY


def blob(seed, size=20_000):
    """Bytes that make a chunk of their own and do not compress."""
    return random.Random(seed).randbytes(size)


def add_run(store, run_id, values):
    """A run of one task per value; the artifacts."""
    store.claim_run_id("F", run_id, 1.0)
    writer = store.journal("F", run_id).writer("main")
    writer.append(RunStarted(time=1.0, flow="F", run_id=run_id))
    artifacts = [store.artifacts.save(value) for value in values]
    for number, artifact in enumerate(artifacts):
        table = ArtifactTable(entries={"x": artifact})
        writer.append(TaskFinished(time=2.0, step="a", task=str(number), artifacts=table))
    writer.append(RunEnded(time=3.0, state="finished"))
    return artifacts


def chunks_of(artifacts):
    """The addresses of their chunks."""
    return [chunk.address for artifact in artifacts for chunk in artifact.blobs.chunks]


@pytest.fixture
def store(s3_url):
    return Datastore.open(s3_url, create=True)


@pytest.fixture
def proxied(s3_proxied_url, s3_proxy):
    """A store whose requests `s3_proxy` notes."""
    found = Datastore.open(s3_proxied_url, create=True)
    s3_proxy.requests.clear()
    return found


def test_a_task_of_small_artifacts_is_one_request(proxied, s3_proxy):
    """A thousand tasks should not be ten thousand requests."""
    for task in range(3):
        table = ArtifactTable().updated({f"x{n}": proxied.artifacts.save({"n": n}) for n in range(20)})
        writer = proxied.journal("F", "1").writer(f"task-{task}")
        writer.append(TaskFinished(time=1.0, step="a", task=str(task), artifacts=table))
    assert [method for method, _ in s3_proxy.requests] == ["PUT"] * 3


def test_the_records_of_one_writer_are_one_request_each(proxied, s3_proxy):
    """The scheduler of a run appends all of them."""
    writer = proxied.journal("F", "1").writer("main")
    for task in range(5):
        writer.append(TaskFinished(time=1.0, step="a", task=str(task), artifacts=ArtifactTable()))
    assert len(s3_proxy.requests) <= 5 + 1


_REFUSED = (
    b'<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Error><Key>a/store/chunks/x</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
)


@pytest.mark.parametrize("value", [blob(1), b"compresses " * 20_000], ids=["plain", "compressed"])
def test_a_chunk_is_two_requests_to_write_and_one_to_read(proxied, s3_proxy, value):
    """Is it there? Then here it is. And no question for a name that it does not have."""
    artifact = proxied.artifacts.save(value)
    assert [method for method, _ in s3_proxy.requests] == ["HEAD", "PUT"]
    s3_proxy.requests.clear()
    assert proxied.artifacts.load(artifact) == value
    assert [method for method, _ in s3_proxy.requests] == ["GET"]


def test_the_chunks_of_a_value_are_fetched_at_once(proxied, s3_proxy):
    """A frame has hundreds, many of them blobs of their own; one after the other they would take minutes."""
    value = [bytearray(blob(number, 50_000)) for number in range(12)]
    artifact = proxied.artifacts.save([PickleBuffer(item) for item in value])
    s3_proxy.requests.clear()
    together = threading.Barrier(12, timeout=20)

    def wait(method, target):
        if method == "GET" and "/chunks/" in target:
            together.wait()

    s3_proxy.fault = wait
    assert proxied.artifacts.load(artifact) == value
    assert s3_proxy.count("GET") == 12


def test_what_the_cache_has_is_no_request(s3_proxied_url, s3_proxy, tmp_path):
    """Neither what was written here, nor what was read here; also for another process's store."""
    cache = ChunkCache(str(tmp_path / "cache"), 10_000_000)
    value = {"one": blob(1, 3_000_000), "text": b"compresses " * 20_000}
    artifact = Datastore.open(s3_proxied_url, create=True).artifacts.save(value)
    reader = Datastore.open(s3_proxied_url, cache=cache)
    assert reader.artifacts.load(artifact) == value
    s3_proxy.requests.clear()
    assert reader.artifacts.load(artifact) == value
    written = reader.artifacts.save(blob(2))
    s3_proxy.requests.clear()
    other = Datastore.open(s3_proxied_url, cache=cache)
    s3_proxy.requests.clear()
    assert other.artifacts.load(artifact) == value
    assert other.artifacts.load(written) == blob(2)
    assert s3_proxy.requests == []


def test_a_check_does_not_believe_the_cache(s3_url, tmp_path):
    """Damage in the bucket must be found while the cache still hides it from readers."""
    store = Datastore.open(s3_url, create=True, cache=ChunkCache(str(tmp_path / "cache"), 10_000_000))
    artifacts = add_run(store, "1", [blob(1)])
    assert check(store).is_clean
    store.storage.delete(path_of(chunks_of(artifacts)[0]))
    assert store.artifacts.load(artifacts[0]) == blob(1)
    assert not check(store).is_clean


def test_a_check_names_what_is_damaged_or_missing_in_a_bucket(store):
    """And whom it touches."""
    artifacts = add_run(store, "1", [blob(1), blob(2), b"compresses " * 20_000])
    report = check(store)
    assert (report.is_clean, report.chunks) == (True, 3)
    damaged, missing, _ = chunks_of(artifacts)
    store.storage.write(path_of(damaged), blob(3))
    store.storage.delete(path_of(missing))
    found = {finding.where: finding for finding in check(store).findings}
    assert set(found) == {path_of(damaged), path_of(missing)}
    assert found[path_of(damaged)].touches == ("F/1/a/0/x",)
    assert found[path_of(missing)].touches == ("F/1/a/1/x",)


def test_collection_deletes_garbage_from_a_bucket_by_few_requests(proxied, s3_proxy):
    """A thousand keys go by one request, of those that nobody touched meanwhile."""
    add_run(proxied, "1", [blob(number) for number in range(40)])
    kept = add_run(proxied, "2", [blob(0), blob(100)])
    s3_proxy.requests.clear()
    report = proxied.collect(KeepRules(keep_last=1), NOW)
    assert len(report.done.chunks) == 39
    assert s3_proxy.count("POST", "delete") == 1
    assert s3_proxy.count("DELETE", "chunks/") == 0
    assert [proxied.artifacts.load(artifact) for artifact in kept] == [blob(0), blob(100)]
    assert check(proxied).is_clean
    assert check(proxied).unreachable_chunks == 0


def test_collection_spares_what_is_young(store):
    """Somebody may be about to record it."""
    store.artifacts.save(blob(1))
    assert store.collect(KeepRules(keep_last=1), time.time()).done.chunks == ()
    assert len(store.collect(KeepRules(keep_last=1), NOW, dry_run=True).done.chunks) == 1


def test_a_run_is_deleted_from_a_bucket(store):
    """With every chunk that only it has."""
    add_run(store, "1", [blob(1), blob(2)])
    kept = add_run(store, "2", [blob(2)])
    before = usage(store)
    deletion = delete_run(store, "F", "1", NOW)
    assert 20_000 <= deletion.chunk_bytes < 20_200
    assert deletion.shared_chunks == 1
    assert [*store.run_ids("F")] == ["2"]
    assert store.artifacts.load(kept[0]) == blob(2)
    assert usage(store) != before


@pytest.mark.parametrize("answer", [(403, "AccessDenied"), _REFUSED], ids=["all", "one"])
def test_a_refused_deletion_is_an_error(s3_proxied_url, s3_proxy, answer):
    """S3 answers 200, and names in the body what it refused."""
    storage = S3Storage.from_url(s3_proxied_url)
    storage.write("chunks/x", b"1")
    s3_proxy.fault = lambda method, target: answer
    with pytest.raises(StoreNotWritableError, match="AccessDenied"):
        storage.delete_whole(["chunks/x"])


def test_many_objects_are_deleted_a_thousand_at_a_time(s3_proxied_url, s3_proxy):
    """Those that are not there do not matter."""
    storage = S3Storage.from_url(s3_proxied_url)
    for number in range(3):
        storage.write(f"chunks/{number}", b"1")
    s3_proxy.requests.clear()
    storage.delete_whole([f"chunks/{number}" for number in range(2500)])
    assert [method for method, _ in s3_proxy.requests] == ["POST"] * 3
    assert [*storage.list("chunks")] == []
    storage.delete_whole([])
