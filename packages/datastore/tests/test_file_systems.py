"""File systems that are full, or read-only: real ones, of a few pages, which root may mount."""

import json
import os
import subprocess
import sys

import pytest

MAIN = """
import json, os, random, subprocess, sys
from flowstone_datastore import *
from flowstone_datastore.store_check import check

def value(number):
    return {"number": number, "chunk": random.Random(number).randbytes(30_000), "text": f"{number} " * 30_000}

def save(store, number, segment="w"):
    table = ArtifactTable(entries={"value": store.artifacts.save(value(number))})
    store.log("F", "1", segment).append(LogFrame("a", str(number), 0, "stdout", 1.0, b"line" * 500))
    record = TaskFinished(time=1.0, step="a", task=str(number), artifacts=table)
    store.journal("F", "1").writer(segment).append(record)

def sound(root):
    store = Datastore.open(root, verify="always")
    records = [record for _, record in store.journal("F", "1").records()]
    for record in records:
        assert store.artifacts.load(record.artifacts.entries["value"]) == value(int(record.task)), record.task
    assert check(store).is_clean
    return len(records)

def mount(*options):
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", root], check=True)

root = sys.argv[1]
"""

FULL = """
told, recorded = [], []
for limit in [f"size={pages * 4}k" for pages in range(1, 80)] + [f"nr_inodes={count}" for count in range(2, 50)]:
    mount("-o", limit)
    try:
        store = Datastore.open(root, create=True)
        for number in range(4):
            save(store, number)
    except StorageError as error:
        told.append(type(error).__name__)
    if os.path.exists(f"{root}/flowstone.json"):
        recorded.append(sound(root))
    subprocess.run(["umount", root], check=True)
print(json.dumps([told, recorded]))
"""

READ_ONLY = """
mount("-o", "size=4m")
save(Datastore.open(root, create=True), 0)
Datastore.open(root).artifacts.save(value(9))  # garbage
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
store = Datastore.open(root)
found = [sound(root)]
store.artifacts.save(value(0))  # it is there: nothing must be written
for act in (
    lambda: store.artifacts.save(value(1)),
    lambda: save(store, 0, "other"),
    lambda: store.claim_run_id("F", "2", 1.0),
    lambda: store.collect(KeepRules(keep_last=1), 1e10),
):
    try:
        act()
    except StoreNotWritableError as error:
        found.append(str(error))
    else:
        found.append("")
print(json.dumps(found))
"""


def can_mount() -> bool:
    """Whether a process may have file systems of its own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="a small file system of its own needs root")


def run(program, tmp_path):
    """What a program prints that may mount at `tmp_path`, where nobody else sees it."""
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", MAIN + program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_disk_that_is_full_at_any_page_or_any_file_is_one_error_and_harms_nothing_recorded(tmp_path):
    """The marker, a chunk, the log, half a line of the journal: wherever the space ended."""
    told, recorded = run(FULL, tmp_path)
    assert set(told) == {"StoreFullError"}
    assert len(told) > 40
    assert {0, 1, 2, 3, 4} <= set(recorded), "it ended everywhere"


def test_a_store_on_a_read_only_file_system_is_read_and_says_that_it_cannot_be_written(tmp_path):
    """Root is stopped by it, too."""
    count, *messages = run(READ_ONLY, tmp_path)
    assert count == 1
    assert all(str(tmp_path) in message for message in messages), messages
