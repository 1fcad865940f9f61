"""Every changed bit is found, and whom it touches is named."""

import json
import os
import random
import zlib
from pathlib import Path

import pytest

from flowstone_datastore import (
    ArtifactTable,
    Code,
    Datastore,
    LogFrame,
    LogSpan,
    RunEnded,
    RunStarted,
    TaskError,
    TaskFailed,
    TaskFinished,
)
from flowstone_datastore.findings import Damage, StrayObject
from flowstone_datastore.run_objects import CONDEMNED
from flowstone_datastore.store_check import check

FOLDER = "runs/F/1"


def blob(seed, size=20_000):
    return random.Random(seed).randbytes(size)


@pytest.fixture
def store(tmp_path):
    """One run with everything that a run may have."""
    store = Datastore.open(tmp_path / "s", create=True)
    store.claim_run_id("F", "1", 1.0)
    writer = store.journal("F", "1").writer("main")
    code = Code("flow.py", {"flow.py": store.chunks.put((b"print(1)\n" * 900,))})
    writer.append(
        RunStarted(time=1.0, flow="F", run_id="1", code=code, parameters={"p": store.artifacts.save(blob(1))})
    )
    shared = store.artifacts.save([blob(2), "text" * 5000])
    table = store.tables.spill(ArtifactTable(entries={f"n{i}": shared for i in range(30)}), 10_000)
    for task in ("1", "2"):
        start, end = store.log("F", "1", "main").append(LogFrame("a", task, 0, "stdout", 1.0, b"some text\n" * 5))
        writer.append(
            TaskFinished(
                time=2.0, step="a", task=task,
                artifacts=table.updated({"x": store.artifacts.save(blob(3))}), logs=LogSpan("main", start, end),
            )
        )  # fmt: skip
    failed = ArtifactTable(entries={"y": store.artifacts.save(blob(4))})
    writer.append(TaskFailed(time=2.0, step="b", task="1", artifacts=failed, error=TaskError("E", "no")))
    writer.append(RunEnded(time=3.0, state="failed"))
    return store


def files(store, folder):
    return sorted(path for path in Path(store.storage.root, folder).rglob("*") if path.is_file())


def flip(file, bit):
    with file.open("r+b") as opened:
        opened.seek(bit // 8)
        (byte,) = opened.read(1)
        opened.seek(bit // 8)
        opened.write(bytes([byte ^ 1 << bit % 8]))


def damage_of(store):
    report = check(Datastore.open(store.storage.root))
    found = [finding for finding in report.findings if isinstance(finding, Damage)]
    assert bool(found) != report.is_clean
    return found


def test_a_sound_store_is_clean_and_counted(store):
    """Garbage is no damage."""
    store.artifacts.save(blob("garbage"))
    seen = []
    report = check(store, lambda flow, run_id: seen.append((flow, run_id)))
    assert (report.findings, report.is_clean) == ((), True)
    assert (report.runs, report.records, report.unreachable_chunks) == (1, 5, 1)
    assert seen == [("F", "1")]
    assert report.chunk_bytes > 80_000


@pytest.mark.parametrize("bit", [0, 8 * 4000 + 3, -1])
def test_a_changed_bit_in_any_chunk_is_found_and_its_artifact_named(store, bit):
    """Disks do that."""
    touched = set()
    for file in files(store, "chunks"):
        place = bit % (8 * file.stat().st_size)
        flip(file, place)
        found = damage_of(store)
        assert found
        for finding in found:
            assert finding.touches
            touched.update(finding.touches)
        flip(file, place)
    assert {"F/1 parameter p", "F/1 code flow.py", "F/1/a/1/x", "F/1/a/2/x", "F/1/a/1/n7", "F/1/b/1/y"} <= touched
    assert damage_of(store) == []


def test_a_lost_or_cut_chunk_is_found(store):
    """A copy that was interrupted leaves those."""
    for file in files(store, "chunks"):
        content = file.read_bytes()
        os.truncate(file, len(content) // 2)
        assert damage_of(store), file
        file.unlink()
        assert damage_of(store), file
        file.write_bytes(content)
    assert damage_of(store) == []


@pytest.mark.parametrize("folder", ["journal", "logs"])
def test_every_changed_bit_in_records_and_logs_is_found(store, folder):
    """And the run or the task is named."""
    (file,) = files(store, f"{FOLDER}/{folder}")
    bits = range(8 * file.stat().st_size)
    for bit in [*random.Random(4711).sample(bits, 60), bits[-1], bits[-8]]:
        flip(file, bit)
        found = damage_of(store)
        assert found, bit
        assert all(owner.startswith("F/1") for finding in found for owner in finding.touches)
        assert any(finding.touches for finding in found), bit
        flip(file, bit)
    assert damage_of(store) == []


def test_a_damaged_record_names_its_task(store):
    """As far as what is left of it tells."""
    (file,) = files(store, f"{FOLDER}/journal")
    place = file.read_bytes().index(b'"step":"b"') + 40
    flip(file, 8 * place)
    (finding,) = damage_of(store)
    assert finding.touches == ("F/1/b/1",)
    assert finding.where.startswith(f"{FOLDER}/journal/main.jsonl, byte ")


def test_logs_that_are_gone_or_cut_touch_the_tasks_that_wrote_them(store):
    """The records say how much there was."""
    (file,) = files(store, f"{FOLDER}/logs")
    os.truncate(file, file.stat().st_size - 5)
    assert [finding.touches for finding in damage_of(store)] == [("F/1/a/2",)]
    file.unlink()
    assert [finding.touches for finding in damage_of(store)] == [("F/1/a/1", "F/1/a/2")]


def test_strays_are_named_and_are_no_damage(store, tmp_path):
    """Somebody's backup copy harms nobody."""
    (tmp_path / "s/chunks/ab").mkdir(exist_ok=True)
    (tmp_path / "s/chunks/ab/notes.txt").touch()
    (tmp_path / "s/chunks/ab" / ("cd" + "0" * 62)).touch()
    (tmp_path / "s/chunks/more").mkdir()
    (tmp_path / "s/chunks/x y").mkdir()
    report = check(store)
    assert report.is_clean
    assert {finding.where for finding in report.findings} == {
        "chunks/ab/notes.txt", "chunks/ab/cd" + "0" * 62, "chunks/more/", "chunks/x y/",
    }  # fmt: skip
    assert all(isinstance(finding, StrayObject) for finding in report.findings)


def line(raw):
    body = json.dumps(raw, separators=(",", ":"))[1:].encode()
    return b'{"sum":"%08x",%b\n' % (zlib.crc32(body), body)


def artifact(stream, size, **more):
    return {"type": "x", "size": size, "address": "0" * 64, "encoding": "pickle-5", "stream": stream, **more}


def finished(entries, **more):
    table = {"entries": entries, **more}
    return {"type": "task-finished", "time": 1.0, "step": "a", "task": "9", "artifacts": table}


HOSTILE = {
    "traversal in an address": finished({"x": artifact([["../../../../etc/passwd", 3]], 3)}),
    "traversal in a base": finished({}, base="../../../../etc/passwd"),
    "traversal in a name": {"type": "task-finished", "time": 1.0, "step": "../..", "task": "9"},
    "traversal in code": {
        "type": "run-started", "time": 1.0, "flow": "F", "run_id": "1",
        "code": {"flow_file": "f.py", "files": {"../../.bashrc": ["0" * 64, 1]}},
    },
    "traversal in a log": {**finished({}), "logs": ["../../../x", 0, 9]},
    "absurd size": finished({"x": artifact([["0" * 64, 2**62]], 2**62)}),
    "larger than an integer": finished({"x": artifact([["0" * 64, 10**40]], 10**40)}),
    "absurd number": {"type": "heartbeat", "time": 10**400},
    "absurd log": {**finished({}), "logs": ["main", 0, 2**62]},
    "a base that is no table": finished({}, base="<code>"),
    "another run": {"type": "run-started", "time": 1.0, "flow": "F", "run_id": "2"},
    "no object": [1],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_a_finding(store, name):
    """With a sum that matches: whoever wishes us ill can compute one."""
    code = next(iter(store.journal("F", "1").records()[0][1].code.files.values())).address
    raw = json.loads(json.dumps(HOSTILE[name]).replace("<code>", code))
    content = line(raw) if isinstance(raw, dict) else b'{"sum":"%08x",1]\n' % zlib.crc32(b"1]")
    store.storage.append(f"{FOLDER}/journal/evil.jsonl", content)
    found = damage_of(store)
    assert found
    assert all(any(owner.startswith("F/1") for owner in finding.touches) for finding in found)


def test_an_absurdly_large_file_is_not_read(store, tmp_path):
    """A sparse one costs its maker nothing."""
    (tmp_path / "s/chunks/00").mkdir(exist_ok=True)
    with (tmp_path / "s/chunks/00" / ("0" * 64)).open("wb") as file:
        file.truncate(2**43)
    store.storage.append(
        f"{FOLDER}/journal/evil.jsonl", line(finished({"x": artifact([["0" * 64, 2**43]], 2**43)}))
    )
    store.storage.append(f"{FOLDER}/journal/evil.jsonl", line(finished({"y": artifact([["0" * 64, 10]], 10)})))
    assert {finding.touches for finding in damage_of(store)} == {("F/1/a/9/x",), ("F/1/a/9/y",)}


def test_a_decompression_bomb_is_a_finding(store, tmp_path):
    """A kilobyte that becomes a gigabyte."""
    zstandard = pytest.importorskip("zstandard")
    (tmp_path / "s/chunks/00").mkdir(exist_ok=True)
    bomb = zstandard.compress(bytes(2**28))
    (tmp_path / "s/chunks/00" / ("0" * 64 + ".zst")).write_bytes(bomb)
    store.storage.append(f"{FOLDER}/journal/evil.jsonl", line(finished({"y": artifact([["0" * 64, 10]], 10)})))
    assert [finding.touches for finding in damage_of(store)] == [("F/1/a/9/y",)]


def test_foreign_files_among_the_runs_are_survived(store, tmp_path):
    """Editors and file managers leave some."""
    (tmp_path / "s/runs/.DS_Store").touch()
    (tmp_path / "s/runs/F/.hidden").mkdir()
    (tmp_path / "s/runs/F/with space").mkdir()
    (tmp_path / f"s/{FOLDER}/journal/notes.txt").touch()
    assert check(store).findings == ()


def test_a_run_that_is_being_deleted_is_not_checked(store):
    """Half of it is gone on purpose."""
    store.storage.write(f"{FOLDER}/{CONDEMNED}", b"{}")
    for file in files(store, "chunks"):
        file.unlink()
    assert check(store).findings == ()
