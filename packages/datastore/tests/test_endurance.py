"""What must hold after hundreds of kills, with hundreds of writers, at every size of a disk, with any bit flipped.

The writers are forks of one process that has imported everything: so a kill can come a millisecond after the
start, and five hundred of them take seconds.
"""

import contextlib
import os
import pickle
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from flowstone_datastore import ArtifactTable, Datastore, LogFrame, StorageError, TaskFinished
from flowstone_datastore.store_check import check
from flowstone_interfaces import FlowstoneError

np = pytest.importorskip("numpy")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

KILLS = 500
WRITERS = 200
ZSTD_HEADER = 18
"""Bytes that a frame's header has at most; some of its bits are ignored by every reader."""


def value_of(number: int) -> dict:
    """Something small, a compressed text, a buffer of one chunk and one of many, some shared with others."""
    shared = number % 7
    return {
        "number": number,
        "text": f"{number} " * (40_000 + shared),
        "one": np.full(30_000 + shared, float(shared)),
        "many": np.random.default_rng(shared).integers(0, 1 << 40, 90_000),
    }


def is_equal(one: dict, other: dict) -> bool:
    """Whether what was loaded is what was saved."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def forked(work: Callable[[], None]) -> int:
    """Start `work` in a fork; its process id. It exits with 0 if nothing was raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work()
        code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def write(folder: Path, segment: str, numbers: range) -> None:
    """What a run does: values, logs, a record for each."""
    store = Datastore.open(folder)
    journal = store.journal("F", "1").writer(segment)
    log = store.log("F", "1", segment)
    for number in numbers:
        table = ArtifactTable(entries={"value": store.artifacts.save(value_of(number))})
        log.append(LogFrame("a", str(number), 0, "stdout", 1.0, b"line\n" * 300))
        journal.append(TaskFinished(time=time.time(), step="a", task=str(number), artifacts=table))


def assert_sound(folder: Path) -> int:
    """Everything that the journal calls finished can be loaded and is right; how much that is."""
    store = Datastore.open(folder, verify="always")
    records = [record for _, record in store.journal("F", "1").records()]
    for record in records:
        assert isinstance(record, TaskFinished)
        assert is_equal(store.artifacts.load(record.artifacts.entries["value"]), value_of(int(record.task)))
    for segment in store.log_segments("F", "1"):
        assert {frame.data for frame in store.log("F", "1", segment).frames()} <= {b"line\n" * 300}
    assert check(store).is_clean
    return len(records)


def test_five_hundred_kills_at_random_moments_lose_nothing_that_was_recorded(tmp_path) -> None:
    """Whatever a writer was doing: cutting, renaming, in the middle of a line of the journal."""
    Datastore.open(tmp_path, create=True).artifacts.save(value_of(0))  # imports what the forks will need
    moments = random.Random(4711)
    for attempt in range(KILLS):
        numbers = range(attempt * 10, attempt * 10 + 10)
        pid = forked(partial(write, tmp_path, f"w{attempt}", numbers))
        time.sleep(moments.uniform(0, 0.04))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if attempt == KILLS // 2:
            assert_sound(tmp_path)
    assert assert_sound(tmp_path) > KILLS / 10, "some came to record something"


def test_two_hundred_processes_write_equal_and_different_values_at_once(tmp_path) -> None:
    """They start at the same moment, nobody waits for anybody, and equal values are stored once."""
    Datastore.open(tmp_path, create=True)
    gate, opener = os.pipe()

    def wait_and_write(index: int) -> None:
        os.close(opener)
        os.read(gate, 1)  # returns when the gate is opened
        write(tmp_path, f"w{index}", range(index, index + 3))

    pids = [forked(lambda index=index: wait_and_write(index)) for index in range(WRITERS)]
    os.close(opener)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    os.close(gate)
    assert codes == [0] * WRITERS
    assert assert_sound(tmp_path) == 3 * WRITERS
    store = Datastore.open(tmp_path)
    tasks: dict[str, set[str]] = {}
    for _, record in store.journal("F", "1").records():
        tasks.setdefault(record.task, set()).add(record.artifacts.entries["value"].address)
    assert all(len(addresses) == 1 for addresses in tasks.values()), "equal values have equal addresses"
    assert [*(tmp_path / "tmp").iterdir()] == []


@pytest.mark.skipif(sys.platform == "darwin", reason="RLIMIT_FSIZE is enough on Linux")
def test_a_limit_at_every_size_is_an_error_and_what_was_stored_before_stays(tmp_path) -> None:
    """The write that does not fit fails with a sentence, wherever in the work it comes."""
    write_once = Datastore.open(tmp_path, create=True)
    before = write_once.artifacts.save(value_of(-1))
    messages = set()
    for limit in (0, 1, 100, 4_000, 20_000, 100_000, 239_000, 245_000, 300_000, 700_000, 1 << 20):
        report, reporter = os.pipe()

        def limited(limit: int = limit, reporter: int = reporter) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                write(tmp_path, f"limit{limit}", range(limit, limit + 2))
            except StorageError as error:
                os.write(reporter, pickle.dumps(str(error)))

        pid = forked(limited)
        os.close(reporter)
        told = os.read(report, 65536)
        os.close(report)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "nothing but a StorageError"
        if told:
            messages.add(pickle.loads(told))
        store = Datastore.open(tmp_path, verify="always")
        assert is_equal(store.artifacts.load(before), value_of(-1))
        assert_sound(tmp_path)
    assert len(messages) >= 5, "most of the limits were met"
    assert all(str(tmp_path) in message for message in messages)


def test_no_flipped_bit_ever_gives_a_wrong_value(tmp_path) -> None:
    """Once verified, a file is trusted until something touches it; with `always`, silent rot is found as well."""
    store = Datastore.open(tmp_path, create=True)
    saved = store.artifacts.save(value_of(3))
    assert is_equal(store.artifacts.load(saved), value_of(3))
    files = [path for path in (tmp_path / "chunks").rglob("*") if path.is_file()]
    assert any(path.suffix == ".zst" for path in files)
    assert any(path.suffix != ".zst" for path in files)
    choose = random.Random(4711)
    for verify in ("once", "always"):
        for path in files:
            for _ in range(12):
                data = bytearray(path.read_bytes())
                status = path.stat()
                bit = choose.randrange(8 * len(data))
                data[bit // 8] ^= 1 << bit % 8
                before = path.read_bytes()
                path.write_bytes(data)
                if verify == "always":  # as a disk that forgets: nothing touched the file
                    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
                self_told = loads_right(Datastore.open(tmp_path, verify=verify), saved)
                assert self_told in ("error", "right"), f"{path.name}, bit {bit}, verify={verify}"
                means_nothing = path.suffix == ".zst" and bit // 8 < ZSTD_HEADER
                if not means_nothing and not is_in_lead(path, bit, saved, store):
                    assert self_told == "error", f"{path.name}, bit {bit}, verify={verify}"
                path.write_bytes(before)
    assert is_equal(store.artifacts.load(saved), value_of(3))


def test_every_single_bit_of_compressed_bytes_counts(tmp_path) -> None:
    """Each is an error, but for the few of a zstd header that mean nothing: with those, the value is right."""
    store = Datastore.open(tmp_path, create=True)
    text = "all the same " * 6_000
    saved = store.artifacts.save([text])
    (path,) = [path for path in (tmp_path / "chunks").rglob("*") if path.is_file()]
    data = path.read_bytes()
    harmless, told = [], []
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            assert store.artifacts.load(saved, name="F/1/a/0/value") == [text]
            harmless.append(bit)
        except FlowstoneError as error:
            told.append(str(error))
    assert len(data) > 20
    assert all(bit // 8 < ZSTD_HEADER for bit in harmless)
    assert all("F/1/a/0/value" in message for message in told)


def is_in_lead(path: Path, bit: int, saved, store: Datastore) -> bool:
    """Whether the bit is one of those zeros before a chunk that no value has."""
    sizes = {chunk.address: chunk.size for chunk in store.artifacts.chunks(saved)}
    lead = path.stat().st_size - sizes.get(path.name, path.stat().st_size)
    return bit // 8 < lead


def loads_right(store: Datastore, saved) -> str:
    try:
        value = store.artifacts.load(saved, name="F/1/a/0/value")
    except Exception as error:
        return "error" if "F/1/a/0/value" in str(error) else f"an error that names nothing: {error!r}"
    return "right" if is_equal(value, value_of(3)) else "WRONG"
