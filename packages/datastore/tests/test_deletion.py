"""What must go goes, and takes nothing with it that is another's."""

import random
import time

import pytest

from flowstone_datastore import ArtifactTable, Datastore, LogFrame, RunEnded, RunStarted, TaskFinished
from flowstone_datastore.collect import CollectionStoppedError, collect, plan_collection
from flowstone_datastore.deletion import NoSuchRunError, RunIsRunningError, delete_run
from flowstone_datastore.retention import KeepRules
from flowstone_datastore.store_check import check

DAY = 86400.0


def blob(seed):
    return random.Random(seed).randbytes(20_000)


def add_run(store, run_id, *seeds, ended=True):
    writer = store.journal("F", run_id).writer("main")
    store.claim_run_id("F", run_id, 1.0)
    writer.append(RunStarted(time=1.0, flow="F", run_id=run_id))
    entries = {f"x{seed}": store.artifacts.save(blob(seed)) for seed in seeds}
    store.log("F", run_id, "main").append(LogFrame("a", "1", 0, "stdout", 1.0, b"secret\n"))
    writer.append(TaskFinished(time=1.0, step="a", task="1", artifacts=ArtifactTable(entries=entries)))
    if ended:
        writer.append(RunEnded(time=2.0, state="finished"))
    return entries


@pytest.fixture
def store(tmp_path):
    return Datastore.open(tmp_path / "s", create=True)


def bytes_under(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_deleted_run_leaves_nothing_that_was_its_alone(store, tmp_path):
    """Compliance asks for that, and for no more."""
    add_run(store, "1", 1, 2)
    kept = add_run(store, "2", 2, 3)
    before = bytes_under(tmp_path / "s")
    done = delete_run(store, "F", "1", time.time() + 2 * DAY)
    assert before - bytes_under(tmp_path / "s") == done.record_bytes + done.chunk_bytes
    assert (done.chunk_bytes >= 20_000, done.waiting_bytes, done.shared_chunks) == (True, 0, 1)
    assert not any(blob(1) in path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file())
    assert [*store.run_ids("F")] == ["2"]
    assert [store.artifacts.load(artifact) for artifact in kept.values()] == [blob(2), blob(3)]
    assert check(store).findings == ()


def test_what_stood_before_a_shared_chunk_goes_too(store, tmp_path):
    """The file of a chunk begins with what its first writer had before it, so that it can be mapped."""
    random_bytes = random.Random(4711).randbytes
    shared, secret = random_bytes(2_000_000), b"the secret " * 10_000
    add_run(store, "1")
    add_run(store, "2")
    first, second = bytearray(secret + shared), bytearray(random_bytes(300_000) + shared)
    saved = {}
    for run_id, value in (("1", first), ("2", second)):
        saved[run_id] = store.artifacts.save(value)
        record = TaskFinished(time=3.0, step="b", task="1", artifacts=ArtifactTable(entries={"x": saved[run_id]}))
        store.journal("F", run_id).writer("more").append(record)
    assert store.artifacts.load(saved["2"]) == second, "whatever stands before its chunks in their files"
    assert is_anywhere(b"the secret ", tmp_path)
    done = delete_run(store, "F", "1", time.time() + 2 * DAY)
    assert done.shared_chunks > 1
    assert not is_anywhere(b"the secret ", tmp_path)
    assert Datastore.open(tmp_path / "s", verify="always").artifacts.load(saved["2"]) == second
    assert check(store).findings == ()


def is_anywhere(data, folder):
    return any(data in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_young_waits_for_the_next_collection(store, tmp_path):
    """A writer may be about to name it."""
    add_run(store, "1", 1)
    done = delete_run(store, "F", "1", time.time())
    assert done.chunk_bytes == 0
    assert done.waiting_bytes == bytes_under(tmp_path / "s/chunks") > 0
    collect(store, plan_collection(store, KeepRules(), time.time() + 2 * DAY))
    assert bytes_under(tmp_path / "s/chunks") == 0


def test_without_grace_it_goes_at_once(store, tmp_path):
    """Whoever asks for it says that nobody writes."""
    add_run(store, "1", 1)
    assert delete_run(store, "F", "1", time.time(), 0).waiting_bytes == 0
    assert bytes_under(tmp_path / "s/chunks") == 0


def test_what_runs_is_deleted_only_by_force(store):
    """It would go on writing; but a machine that is gone says no more."""
    add_run(store, "1", 1, ended=False)
    with pytest.raises(RunIsRunningError, match="F/1 is running"):
        delete_run(store, "F", "1", time.time())
    delete_run(store, "F", "1", time.time(), force=True)
    assert [*store.run_ids("F")] == []


def test_a_damaged_run_can_be_deleted(store, tmp_path):
    """That is one way to repair a store."""
    add_run(store, "1", 1)
    add_run(store, "2", 2)
    with (tmp_path / "s/runs/F/1/journal/main.jsonl").open("r+b") as file:
        file.write(b"#")
    assert not check(store).is_clean
    delete_run(store, "F", "1", time.time(), force=True)
    assert check(store).is_clean


def test_damage_elsewhere_keeps_the_chunks_but_not_the_records(store, tmp_path):
    """Which chunks are shared cannot be told."""
    add_run(store, "1", 1)
    add_run(store, "2", 2)
    with (tmp_path / "s/runs/F/2/journal/main.jsonl").open("r+b") as file:
        file.write(b"#")
    chunks = bytes_under(tmp_path / "s/chunks")
    with pytest.raises(CollectionStoppedError):
        delete_run(store, "F", "1", time.time(), 0)
    assert [*store.run_ids("F")] == ["2"]
    assert bytes_under(tmp_path / "s/chunks") == chunks


def test_what_is_not_there_is_an_error(store):
    """Not a success that deleted nothing."""
    with pytest.raises(NoSuchRunError, match="there is no run F/1"):
        delete_run(store, "F", "1", 0.0)
