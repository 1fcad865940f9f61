"""What the commands that care for a store print, change and answer."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from flowstone.quantities import Duration, human_bytes
from flowstone_datastore import ArtifactTable, Datastore, RunEnded, RunStarted, TaskFinished

OLD = time.time() - 5 * 86400


@pytest.fixture
def call(tmp_path):
    """Runs the program in a folder of its own; output, errors and exit code."""

    def run(*arguments, answer=""):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_")}
        return subprocess.run(
            [sys.executable, "-m", "flowstone", *arguments],
            cwd=tmp_path, env=kept, input=answer, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def store(tmp_path) -> Datastore:
    """Three runs of two flows, five days old; the values of Train/1 and Train/2 overlap."""
    store = Datastore.open(str(tmp_path / ".flowstone"), create=True)
    for flow, run_id, seeds in (("Train", "1", (1, 0)), ("Train", "2", (2, 0)), ("Serve", "1", (3,))):
        store.claim_run_id(flow, run_id, OLD)
        writer = store.journal(flow, run_id).writer("main")
        writer.append(RunStarted(time=OLD + int(run_id), flow=flow, run_id=run_id, tags=(f"t{run_id}",)))
        entries = {f"x{seed}": store.artifacts.save(random.Random(seed).randbytes(20_000)) for seed in seeds}
        table = ArtifactTable(entries=entries)
        writer.append(TaskFinished(time=OLD + 10, step="fit", task="1", artifacts=table))
        writer.append(RunEnded(time=OLD + 20, state="finished"))
    for path in (tmp_path / ".flowstone").rglob("*"):
        if path.is_file():
            os.utime(path, (OLD, OLD))
    return store


def runs_of(store) -> set[str]:
    return {f"{flow}/{run_id}" for flow in store.flows() for run_id in store.run_ids(flow)}


def test_a_dry_run_says_what_the_collection_then_does(call, store) -> None:
    """By run, by flow, and in all; nothing is changed before."""
    dry = call("gc", "--keep-last", "1", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert runs_of(store) == {"Train/1", "Train/2", "Serve/1"}
    lines = dry.stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["Train/1", "Train", "back"]
    assert "would come back" in lines[-1]
    real = call("gc", "--keep-last", "1")
    assert real.stdout == dry.stdout.replace("would come", "came")
    assert runs_of(store) == {"Train/2", "Serve/1"}
    assert call("fsck").returncode == 0


def test_without_a_rule_a_collection_takes_no_run(call, store) -> None:
    """Whoever forgot the options has lost nothing."""
    assert call("gc").stdout == "0 B came back\n"
    assert runs_of(store) == {"Train/1", "Train/2", "Serve/1"}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--keep-tag", "t2"], {"Train/2"}),
        (["--keep-tag", "t2", "--keep-tag", "t1"], {"Train/1", "Train/2", "Serve/1"}),
        (["--older-than", "30d"], {"Train/1", "Train/2", "Serve/1"}),
        (["--older-than", "4d"], set()),
        (["--older-than", "4d", "--keep-last", "1"], {"Train/2", "Serve/1"}),
    ],
)
def test_each_rule_keeps_runs(call, store, options, left) -> None:
    """A run goes if none of them keeps it."""
    assert call("gc", *options).returncode == 0
    assert runs_of(store) == left


def test_a_collection_tells_scripts_what_it_did(call, store) -> None:
    """In JSON, in bytes."""
    found = json.loads(call("gc", "--keep-last", "1", "--json").stdout)
    assert [run["run"] for run in found["runs"]] == ["Train/1"]
    assert found["bytes"] == found["runs"][0]["record_bytes"] + found["runs"][0]["chunk_bytes"]
    assert found["flows"] == {"Train": found["bytes"]}
    assert (found["dry_run"], found["kept"], found["waiting_bytes"]) == (False, [], 0)


def test_damage_is_named_and_is_exit_code_one(call, store, tmp_path) -> None:
    """For people, for scripts, and for cron; a collection refuses."""
    sound = call("fsck")
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("3 runs, 9 records, 4 chunks (78.")
    assert sound.stdout.endswith("nothing damaged\n")
    for file in (tmp_path / ".flowstone/chunks").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    broken = call("fsck")
    assert broken.returncode == 1
    assert "  touches Train/1/fit/1/x0\n  touches Train/2/fit/1/x0\n" in broken.stdout
    found = call("fsck", "--json")
    assert found.returncode == 1
    touched = {owner for item in json.loads(found.stdout)["damage"] for owner in item["touches"]}
    assert "Serve/1/fit/1/x3" in touched


def test_a_collection_of_a_damaged_store_sends_to_fsck(call, store, tmp_path) -> None:
    """It is no wrong usage, and nothing was changed."""
    (journal,) = (tmp_path / ".flowstone/runs/Serve").rglob("*.jsonl")
    journal.write_bytes(b"#" + journal.read_bytes()[1:])
    done = call("gc", "--keep-last", "0")
    assert done.returncode == 1
    assert "flowstone fsck" in done.stderr
    assert "Traceback" not in done.stderr
    assert runs_of(store) == {"Train/1", "Train/2", "Serve/1"}


def test_usage_is_told_by_flow_and_run(call, store) -> None:
    """What is shared shows as such."""
    lines = call("du").stdout.splitlines()
    assert lines[0].split() == ["alone", "shared", "records"]
    assert [line.split()[-1] for line in lines[1:-1]] == ["Serve", "Serve/1", "Train", "Train/1", "Train/2"]
    assert lines[-1].endswith("in all, what is shared counted once")
    found = json.loads(call("du", "--json").stdout)
    assert found["runs"]["Train/1"]["shared_bytes"] >= 20_000
    assert found["flows"]["Train"]["shared_bytes"] == 0
    assert found["bytes"] == found["chunk_bytes"] + found["record_bytes"]


def test_a_run_is_deleted_when_its_user_says_so(call, store) -> None:
    """Asked for it, or told not to ask."""
    refused = call("delete", "Train/1", answer="n\n")
    assert refused.returncode == 1
    assert "Train/1" in runs_of(store)
    done = call("delete", "Train/1", answer="y\n")
    assert done.returncode == 0
    assert "deleted Train/1" in done.stdout
    assert "1 chunks of it stay" in done.stdout
    assert call("delete", "Train/2", "--yes", "--now").returncode == 0
    assert runs_of(store) == {"Serve/1"}
    assert call("fsck").returncode == 0


def test_what_is_young_is_announced(call, store) -> None:
    """Compliance asks when the last byte goes."""
    writer = store.journal("Train", "3").writer("main")
    writer.append(RunStarted(time=OLD, flow="Train", run_id="3"))
    table = ArtifactTable(entries={"x": store.artifacts.save(random.Random(7).randbytes(20_000))})
    writer.append(TaskFinished(time=OLD, step="fit", task="1", artifacts=table))
    running = call("delete", "Train/3", "--yes")
    assert running.returncode == 2
    assert "Train/3 is running" in running.stderr
    done = call("delete", "Train/3", "--yes", "--force")
    assert "younger than a day; run `flowstone gc` a day from now" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["gc", "--older-than", "soon"],
        ["gc", "--older-than", "30"],
        ["gc", "--older-than", "-1d"],
        ["gc", "--keep-last", "-1"],
        ["delete", "Train", "--yes"],
        ["delete", "Train/1/fit", "--yes"],
        ["delete", "../Train/1", "--yes"],
        ["delete", "Train/99", "--yes"],
        ["--store", "elsewhere", "fsck"],
        ["fsck", "more"],
    ],
)
def test_wrong_usage_is_exit_code_two_and_changes_nothing(call, store, arguments) -> None:
    """One message, on standard error."""
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rror: " in done.stderr
    assert "Traceback" not in done.stderr
    assert runs_of(store) == {"Train/1", "Train/2", "Serve/1"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("12h", 43200), ("30d", 2592000), ("8w", 4838400)]
)
def test_durations_are_read(text, seconds) -> None:
    """In the units in which people keep things."""
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1000, "1000 B"), (1536, "1.5 KiB"), (999 * 1024**2, "999.0 MiB"), (2**60, "1024.0 PiB")],
)
def test_sizes_are_written_for_people(size, text) -> None:
    """Three digits or so, whatever the size."""
    assert human_bytes(size) == text
