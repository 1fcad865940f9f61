"""What is left when a writer is killed, and when many write at once."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from flowstone_datastore import Datastore, TaskFinished

WRITE = """
import itertools, os, sys
from flowstone_datastore import *
store = Datastore.open(sys.argv[1], create=True)
journal = store.journal("F", "1").writer(sys.argv[2])
log = store.log("F", "1", sys.argv[2])
print("go", flush=True)
for number in itertools.count():
    value = [number, b"x" * 30_000 + b"%d" % (number % 50)]
    table = ArtifactTable(entries={"value": store.artifacts.save(value)})
    log.append(LogFrame("a", str(number), 0, "stdout", 1.0, b"line\\n" * 300))
    journal.append(TaskFinished(time=float(number), step="a", task=str(number), artifacts=table))
"""

SAVE_SAME = """
import sys
from flowstone_datastore import *
store = Datastore.open(sys.argv[1], create=True)
print("go", flush=True)
input()
for number in range(200):
    store.artifacts.save(b"x" * 20_000 + b"%d" % number)
print(store.artifacts.save([1] * 10_000).address)
"""


def start(program, *arguments):
    argv = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "go\n"
    return process


def test_a_killed_writer_leaves_a_store_that_can_be_read(tmp_path):
    """Whatever a journal calls finished can be loaded, and nothing raises."""
    moments = random.Random(4711)
    for attempt in range(12):
        with start(WRITE, str(tmp_path), f"w{attempt}") as process:
            time.sleep(moments.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        store = Datastore.open(tmp_path, verify="always")
        for _, record in store.journal("F", "1").records():
            assert isinstance(record, TaskFinished)
            value = store.artifacts.load(record.artifacts.entries["value"])
            assert value[0] == int(record.task)
        for segment in store.log_segments("F", "1"):
            assert {frame.data for frame in store.log("F", "1", segment).frames()} <= {b"line\n" * 300}
    assert store.journal("F", "1").records()


def test_processes_that_store_the_same_values_agree(tmp_path):
    """Nobody waits, nobody overwrites, nothing is stored twice."""
    writers = [start(SAVE_SAME, str(tmp_path)) for _ in range(4)]
    answers = [writer.communicate("\n")[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(set(answers)) == 1
    files = [path for path in (tmp_path / "chunks").rglob("*") if path.is_file()]
    assert len(files) == 201
    assert [*(tmp_path / "tmp").iterdir()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_store_works_after_a_fork(tmp_path):
    """Each task is one."""
    store = Datastore.open(tmp_path / "store", create=True)
    before = store.artifacts.save(b"before" * 5000)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = (
                0 if store.artifacts.load(before) == b"before" * 5000 and store.artifacts.save(b"in" * 5000) else 2
            )
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert store.artifacts.load(store.artifacts.save(b"in" * 5000)) == b"in" * 5000
