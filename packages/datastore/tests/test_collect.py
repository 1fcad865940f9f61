"""Nothing that is reachable is ever lost; nothing that is not stays."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from flowstone_datastore import (
    ArtifactTable,
    Code,
    Datastore,
    LockedEnvironment,
    LogFrame,
    MemoryStorage,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
)
from flowstone_datastore.collect import CollectionStoppedError, collect, plan_collection
from flowstone_datastore.retention import KeepRules
from flowstone_datastore.run_objects import remove_run
from flowstone_datastore.store_check import check
from flowstone_datastore.sweeping import sweep

DAY = 86400.0
NOW = time.time() + 10 * DAY  # all that the tests write is old by then
NOTHING = KeepRules(keep_last=0)


def blob(seed, size=20_000):
    """Bytes that make a chunk of their own and do not compress."""
    return random.Random(seed).randbytes(size)


def add_run(store, run_id, values, *, flow="F", ended=True, **started):
    """A run of one task per value."""
    store.claim_run_id(flow, run_id, 1.0)
    writer = store.journal(flow, run_id).writer("main")
    writer.append(RunStarted(time=float(len(run_id)), flow=flow, run_id=run_id, **started))
    for number, value in enumerate(values):
        store.log(flow, run_id, "main").append(LogFrame("a", str(number), 0, "stdout", 1.0, b"printed\n"))
        table = ArtifactTable(entries={"x": store.artifacts.save(value)})
        store.journal(flow, run_id).writer(f"t{number}").append(
            TaskFinished(time=2.0, step="a", task=str(number), artifacts=table)
        )
    if ended:
        writer.append(RunEnded(time=3.0, state="finished"))


def values_of(store, run_id, flow="F"):
    records = [record for _, record in store.journal(flow, run_id).records()]
    return [store.artifacts.load(r.artifacts.entries["x"]) for r in records if isinstance(r, TaskFinished)]


def gc(store, rules, now=NOW, grace=DAY):
    return collect(store, plan_collection(store, rules, now, grace))


def chunk_files(root):
    return {path.name for path in (root / "chunks").rglob("*") if path.is_file()}


def usage_of(root):
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path):
    return Datastore.open(tmp_path / "s", create=True)


def test_what_goes_and_what_comes_back_is_as_planned_to_the_byte(store, tmp_path):
    """Nobody dares to collect what a dry run does not tell truly."""
    add_run(store, "1", [blob(1), blob("shared")])
    add_run(store, "22", [blob(2), blob("shared")])
    store.artifacts.save(blob("garbage"))
    before = usage_of(tmp_path / "s")
    plan = plan_collection(store, KeepRules(keep_last=1), NOW)
    assert usage_of(tmp_path / "s") == before
    report = collect(store, plan)
    assert report.done == plan
    assert report.kept == ()
    assert [run.run_id for run in plan.runs] == ["1"]
    assert 20_000 <= plan.runs[0].chunk_bytes < 25_000
    assert 20_000 <= plan.unreachable_bytes < 25_000
    assert before - usage_of(tmp_path / "s") == plan.size_bytes
    assert [*store.run_ids("F")] == ["22"]
    assert values_of(store, "22") == [blob(2), blob("shared")]
    assert check(store).findings == ()
    assert gc(store, KeepRules(keep_last=1)).done.size_bytes == 0


def test_everything_that_a_run_names_is_kept(store):
    """Parameters, constants, code, locks and their packages, what failed, what stands in a shared base."""
    saved = {name: store.artifacts.save(blob(name)) for name in ("parameter", "constant", "failed", "based")}
    code, lock, package = (store.chunks.put((blob(name),)) for name in ("code", "lock", "package"))
    locked = LockedEnvironment(key="k", request="r", steps=("a",), lock=lock, packages={"0" * 64: package})
    add_run(
        store, "1", [], parameters={"p": saved["parameter"]}, constants={"c": saved["constant"]},
        code=Code("flow.py", {"flow.py": code}), environments=(locked,),
    )  # fmt: skip
    writer = store.journal("F", "1").writer("more")
    spilled = store.tables.spill(ArtifactTable(entries={f"n{i}": saved["based"] for i in range(50)}), 10_000)
    assert spilled.base is not None
    writer.append(TaskFinished(time=2.0, step="b", task="1", artifacts=spilled))
    writer.append(
        TaskFailed(time=2.0, step="c", task="1", artifacts=ArtifactTable(entries={"f": saved["failed"]}))
    )
    assert gc(store, KeepRules()).done.size_bytes == 0
    for name, artifact in saved.items():
        assert store.artifacts.load(artifact) == blob(name)
    for name, chunk in {"code": code, "lock": lock, "package": package}.items():
        assert store.chunks.get(chunk.address) == blob(name)
    assert store.tables.flatten(spilled)["n7"] == saved["based"]


def test_what_a_resumed_run_took_over_outlives_its_origin(store):
    """Its own records name it."""
    add_run(store, "1", [blob(1)])
    (artifact,) = [r.artifacts for _, r in store.journal("F", "1").records() if isinstance(r, TaskFinished)]
    add_run(store, "22", [], origin_run="1")
    store.journal("F", "22").writer("t").append(
        TaskFinished(time=2.0, step="a", task="0", artifacts=artifact, origin="1/a/0")
    )
    gc(store, KeepRules(keep_last=1))
    assert [*store.run_ids("F")] == ["22"]
    assert values_of(store, "22") == [blob(1)]


def test_what_a_running_run_resumes_is_kept(store):
    """What it takes over may not be recorded yet."""
    add_run(store, "1", [blob(1)])
    add_run(store, "22", [], origin_run="1", ended=False)
    assert plan_collection(store, NOTHING, NOW).runs == ()


def test_what_is_young_waits(store, tmp_path):
    """It may be what a writer is about to record."""
    store.artifacts.save(blob(1))
    plan = plan_collection(store, NOTHING, time.time())
    assert (plan.chunks, plan.waiting_bytes) == ((), usage_of(tmp_path / "s/chunks"))
    collect(store, plan)
    assert chunk_files(tmp_path / "s")


def test_a_chunk_that_is_touched_after_the_plan_stays(store, tmp_path):
    """Whoever touched it will record it."""
    store.artifacts.save(blob(1))
    now = time.time()
    plan = plan_collection(store, NOTHING, now + 2 * DAY)
    (chunk,) = plan.chunks
    os.utime(tmp_path / "s" / chunk.chunk.path, (now + 2 * DAY, now + 2 * DAY))
    assert collect(store, plan).done.chunks == ()
    assert chunk_files(tmp_path / "s")


@pytest.mark.parametrize("stored_anew", [False, True])
def test_a_chunk_that_is_touched_in_the_very_moment_of_its_deletion_stays(
    store, tmp_path, monkeypatch, stored_anew
):
    """The race that a look before a deletion always has."""
    artifact = store.artifacts.save(blob(1))
    (chunk,) = plan_collection(store, NOTHING, NOW).chunks
    now = time.time()
    file = tmp_path / "s" / chunk.chunk.path
    rename = os.rename

    def touch_then_rename(source, target):
        if not stored_anew:
            os.utime(file, (NOW, NOW))
        rename(source, target)
        if stored_anew:
            store.artifacts.save(blob(1))

    monkeypatch.setattr(os, "rename", touch_then_rename)
    freed = sweep(store.storage, chunk.chunk, now + DAY)
    assert (freed is None) != stored_anew
    assert store.artifacts.load(artifact) == blob(1)
    assert [*(tmp_path / "s/tmp").iterdir()] == []


def test_a_chunk_that_a_killed_collection_renamed_away_is_put_back(store, tmp_path):
    """Somebody may have touched it just before."""
    add_run(store, "1", [blob(1)])
    (file,) = [path for path in (tmp_path / "s/chunks").rglob("*") if path.is_file()]
    file.rename(tmp_path / f"s/tmp/swept-{file.name}-0123456789abcdef")
    gc(store, KeepRules())
    assert values_of(store, "1") == [blob(1)]
    assert [*(tmp_path / "s/tmp").iterdir()] == []


def test_garbage_that_a_killed_collection_renamed_away_goes_with_the_next(store, tmp_path):
    """One more collection finishes the job."""
    store.artifacts.save(blob(1))
    (file,) = [path for path in (tmp_path / "s/chunks").rglob("*") if path.is_file()]
    file.rename(tmp_path / f"s/tmp/swept-{file.name}-0123456789abcdef")
    assert len(gc(store, KeepRules()).done.chunks) == 1
    assert chunk_files(tmp_path / "s") == set()
    assert [*(tmp_path / "s/tmp").iterdir()] == []


def test_what_happened_after_the_plan_counts(store):
    """A tag, a resumption, a new run: hours may lie between a plan and its execution."""
    add_run(store, "1", [blob(1)])
    add_run(store, "22", [blob(2)])
    plan = plan_collection(store, KeepRules(keep_tags=frozenset({"good"})), NOW)
    store.journal("F", "1").writer("tags").append(TagsChanged(time=5.0, added=("good",)))
    add_run(store, "333", [blob(2)], ended=False)
    report = collect(store, plan)
    assert report.kept == (("F", "1"),)
    assert [run.run_id for run in report.done.runs] == ["22"]
    assert (values_of(store, "1"), values_of(store, "333")) == ([blob(1)], [blob(2)])


@pytest.mark.parametrize("objects_deleted", range(9))
def test_a_deletion_that_was_interrupted_is_finished_by_the_next_collection(
    store, tmp_path, monkeypatch, objects_deleted
):
    """And what is left in the meantime looks to nobody like damage."""
    add_run(store, "1", [blob(1), blob(2)])
    add_run(store, "22", [blob(2)])
    delete = store.storage.delete
    left = iter([None] * objects_deleted)

    def dying(path):
        next(left)
        delete(path)

    monkeypatch.setattr(store.storage, "delete", dying)
    try:
        remove_run(store.storage, "F", "1", NOW)
    except StopIteration:
        assert objects_deleted < 8
    monkeypatch.undo()
    assert check(store).findings == ()
    kinds = [type(record) for _, record in store.journal("F", "1").records()]
    is_whole = len(kinds) == 4 and store.log_segments("F", "1") == ("main",)
    assert is_whole or RunStarted not in kinds  # which reads as a run that has not begun
    gc(store, KeepRules())
    assert [*store.run_ids("F")] == ["22"]
    assert values_of(store, "22") == [blob(2)]
    assert len(chunk_files(tmp_path / "s")) == 1


def test_a_claim_that_became_no_run_goes_when_it_is_old(store):
    """Its process was killed before it began."""
    store.claim_run_id("F", "1", 1.0)
    assert plan_collection(store, KeepRules(), time.time()).runs == ()
    gc(store, KeepRules())
    assert [*store.run_ids("F")] == []


def test_leftovers_of_killed_writers_go(store, tmp_path):
    """A killed process leaves what it was about to rename."""
    add_run(store, "1", [blob(1)])
    (tmp_path / "s/tmp/0123").write_bytes(b"x" * 1000)
    assert plan_collection(store, KeepRules(), time.time()).leftovers == ()
    assert gc(store, KeepRules()).done.leftover_bytes == 1000
    assert [*(tmp_path / "s/tmp").iterdir()] == []


@pytest.mark.parametrize("what", ["record", "base"])
def test_damage_stops_the_collection_before_anything_goes(store, tmp_path, what):
    """What is needed cannot be told, so nothing is garbage."""
    add_run(store, "1", [blob(1)])
    store.artifacts.save(blob("garbage"))
    table = store.tables.spill(
        ArtifactTable(entries={f"n{i}": store.artifacts.save(i) for i in range(50)}), 10_000
    )
    store.journal("F", "1").writer("t9").append(TaskFinished(time=2.0, step="b", task="1", artifacts=table))
    if what == "record":
        (file,) = (tmp_path / "s").rglob("t9.jsonl")
        file.write_bytes(file.read_bytes().replace(b'"b"', b'"c"'))
    else:
        for file in (tmp_path / "s/chunks").rglob(f"{table.base}*"):
            file.unlink()
    before = usage_of(tmp_path / "s")
    with pytest.raises(CollectionStoppedError, match="flowstone fsck"):
        plan_collection(Datastore.open(tmp_path / "s"), KeepRules(), NOW)
    assert usage_of(tmp_path / "s") == before


def test_a_store_in_memory_is_collected_too():
    """Every storage is."""
    store = Datastore.at(MemoryStorage(), create=True)
    add_run(store, "1", [blob(1)])
    add_run(store, "22", [blob(2)])
    assert [run.run_id for run in gc(store, KeepRules(keep_last=1)).done.runs] == ["1"]
    assert values_of(store, "22") == [blob(2)]
    assert [*store.run_ids("F")] == ["22"]
    assert sum(len([*store.storage.list(f"chunks/{folder}")]) for folder in store.storage.list("chunks")) == 1


def test_a_link_in_a_run_leads_nobody_out_of_the_store(store, tmp_path):
    """Deleting a run deletes nothing else."""
    add_run(store, "1", [])
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("years of work")
    (tmp_path / "s/runs/F/1/more").symlink_to(tmp_path / "home")
    gc(store, NOTHING)
    assert (tmp_path / "home/thesis.tex").exists()


WRITE = """
import collections, random, sys, time
from flowstone_datastore import *
from flowstone_datastore import chunk_store
chunk_store.REFRESH_SECONDS = float(sys.argv[3]) / 4
store = Datastore.open(sys.argv[1], verify="always")
name = sys.argv[2]
print("go", flush=True)
begin = time.monotonic()
recorded = collections.deque()
number = 0
while (now := time.monotonic() - begin) < 7:
    run_id = f"{name}-{number:05}"
    store.claim_run_id("F", run_id, time.time())
    journal = store.journal("F", run_id).writer("main")
    tags = ("keep",) if number % 50 == 0 else ()
    journal.append(RunStarted(time=time.time(), flow="F", run_id=run_id, tags=tags))
    for task in range(3):
        seed = int(now / 0.8) % 4 * 100 + random.randrange(40)  # not used for 2.4 seconds, then used again
        artifact = store.artifacts.save(random.Random(seed).randbytes(9000))
        if time.monotonic() - begin - now > chunk_store.REFRESH_SECONDS:
            print(run_id)  # a machine so busy that a save takes longer than grace allows: nothing is promised then
            break
        table = ArtifactTable(entries={"x": artifact})
        journal.append(TaskFinished(time=time.time(), step="a", task=str(task), artifacts=table))
        recorded.append((now, artifact))
    journal.append(RunEnded(time=time.time(), state="finished"))
    number += 1
    while recorded and now - recorded[0][0] > 0.3:
        then, artifact = recorded.popleft()
        try:  # its run may be deleted by now, but its chunks are young
            store.artifacts.load(artifact)
        except MissingChunkError:
            if time.monotonic() - begin - then < float(sys.argv[3]):
                raise
    time.sleep(0.01)
"""


def start(program, *arguments):
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "go\n"
    return process


def test_all_that_running_processes_record_can_be_loaded_while_others_collect(store, tmp_path):
    """The same values are stored, dropped and stored again by two writers; the period of grace is two seconds."""
    grace = 2.0
    writers = [start(WRITE, str(tmp_path / "s"), name, str(grace)) for name in "ab"]
    swept = 0
    while any(writer.poll() is None for writer in writers):
        report = gc(store, KeepRules(keep_tags=frozenset({"keep"}), older_than_seconds=0.5), time.time(), grace)
        swept += len(report.done.chunks)
    stalled = "".join(writer.communicate()[0] for writer in writers).split()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert swept
    gc(store, KeepRules(keep_tags=frozenset({"keep"})))
    runs = [*store.run_ids("F")]
    assert runs
    for run_id in runs:
        values = values_of(Datastore.open(tmp_path / "s", verify="always"), run_id)
        assert [len(value) for value in values] == [9000] * len(values)
        assert len(values) == 3 or run_id in stalled
    assert check(store).findings == ()


COLLECT = """
import sys
from flowstone_datastore import Datastore
from flowstone_datastore.collect import collect, plan_collection
from flowstone_datastore.retention import KeepRules
store = Datastore.open(sys.argv[1])
plan = plan_collection(store, KeepRules(keep_last=int(sys.argv[2])), float(sys.argv[3]))
print("go", flush=True)
collect(store, plan)
"""


def test_a_collection_that_is_killed_at_any_moment_harms_nothing_and_the_next_one_finishes(store, tmp_path):
    """Twenty times, in the middle of its work."""
    moments = random.Random(4711)
    interrupted = 0
    for number in range(63):
        add_run(store, f"{number:03}", [blob(number, 9000), blob(number % 5, 9000)], tags=("t",))
    kept = 63
    for _ in range(20):
        kept -= 3
        with start(COLLECT, str(tmp_path / "s"), str(kept), str(NOW)) as process:
            time.sleep(moments.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        interrupted += process.returncode == -signal.SIGKILL
        assert check(store).findings == ()
    assert interrupted
    gc(store, KeepRules(keep_last=3))
    assert [*store.run_ids("F")] == ["062", "061", "060"]
    for run_id in ("062", "061", "060"):
        assert values_of(store, run_id) == [blob(int(run_id), 9000), blob(int(run_id) % 5, 9000)]
    assert len(chunk_files(tmp_path / "s")) == 6
    assert gc(store, KeepRules(keep_last=3)).done.size_bytes == 0
