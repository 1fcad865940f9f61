"""For whoever writes a storage backend, or tests with stored values: a contract kit and hypothesis strategies.

Needs pytest and hypothesis: the extra `testing`.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import strategies as st

from flowstone_datastore.address import address_of
from flowstone_datastore.artifact import PICKLE_5, Artifact, Blob, ChunkRef
from flowstone_datastore.artifact_table import ArtifactTable
from flowstone_datastore.process_identity import ProcessIdentity
from flowstone_datastore.record_parts import Code, LogSpan, Reads, TaskError, Transition
from flowstone_datastore.records import (
    ENDED_STATES,
    Heartbeat,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_datastore.storage import Storage
from flowstone_datastore.storage_errors import InvalidObjectPathError, ObjectNotFoundError

_MANY = 16


class StorageContract:
    """What every storage must do, as tests: subclass it, and give a fixture `storage`, empty for each test.

    ```python
    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> MyStorage:
            return MyStorage(...)
    ```
    """

    def test_what_was_written_is_read(self, storage: Storage) -> None:
        """The least one can ask."""
        storage.write("a/b/c", b"bytes")
        assert storage.read("a/b/c") == b"bytes"
        assert storage.size("a/b/c") == len(b"bytes")

    def test_an_object_may_be_empty(self, storage: Storage) -> None:
        """Empty is not absent."""
        storage.write("a/empty", b"")
        assert storage.read("a/empty") == b""
        assert storage.size("a/empty") == 0
        assert not storage.write_new("a/empty", b"x")

    def test_several_buffers_are_one_object(self, storage: Storage) -> None:
        """Large values come in pieces that nobody wants to join."""
        pieces = [b"one", bytearray(b""), memoryview(bytearray(b"two")), b"three"]
        storage.write("a/x", pieces)
        assert storage.write_new("a/y", pieces)
        storage.append("a/z", pieces)
        assert storage.read("a/x") == storage.read("a/y") == storage.read("a/z") == b"onetwothree"

    def test_very_many_buffers_are_one_object(self, storage: Storage) -> None:
        """Operating systems limit how many they take at once; a storage does not."""
        pieces = [b"%d," % number for number in range(5000)]
        storage.write("a/x", pieces)
        assert storage.read("a/x") == b"".join(pieces)

    def test_a_range_is_read(self, storage: Storage) -> None:
        """Records and log frames are read by their range."""
        storage.write("a/x", b"0123456789")
        assert storage.read("a/x", 3) == b"3456789"
        assert storage.read("a/x", 3, 4) == b"3456"
        assert storage.read("a/x", 8, 10) == b"89"
        assert storage.read("a/x", 10, 5) == b""
        assert storage.read("a/x", 99) == b""
        assert storage.read("a/x", 2, 0) == b""

    def test_a_missing_object_is_an_error(self, storage: Storage) -> None:
        """And always the same one."""
        storage.write("a/x", b"")
        for path in ("b", "a/b", "a"):
            with pytest.raises(ObjectNotFoundError):
                storage.read(path)
            with pytest.raises(ObjectNotFoundError):
                storage.size(path)

    def test_write_replaces(self, storage: Storage) -> None:
        """All of it, also if the new one is shorter."""
        storage.write("a/x", b"long ago")
        storage.write("a/x", b"now")
        assert storage.read("a/x") == b"now"

    def test_write_new_never_replaces(self, storage: Storage) -> None:
        """Run ids are claimed by it."""
        assert storage.write_new("a/x", b"first")
        assert not storage.write_new("a/x", b"second")
        assert storage.read("a/x") == b"first"

    def test_append_adds_to_the_end(self, storage: Storage) -> None:
        """Journals and logs grow by it; the offset becomes a reference."""
        assert storage.append("a/x", b"one") == 0
        assert storage.append("a/x", b"two") == len(b"one")
        assert storage.append("a/x", b"") == len(b"onetwo")
        assert storage.read("a/x") == b"onetwo"

    def test_list_gives_what_is_directly_below(self, storage: Storage) -> None:
        """Sorted, folders with a slash, and nothing of deeper levels."""
        for path in ("top", "a/x", "a/b/c", "a/b/d", "a/b-c", "ab/c"):
            storage.write(path, b"")
        assert [*storage.list()] == ["a/", "ab/", "top"]
        assert [*storage.list("a")] == [*storage.list("a/")] == ["b-c", "b/", "x"]
        assert [*storage.list("a/b")] == ["c", "d"]

    def test_a_missing_folder_is_empty(self, storage: Storage) -> None:
        """A store in which nothing ran yet is no error."""
        assert [*storage.list()] == []
        assert [*storage.list("runs/Flow")] == []

    def test_what_was_deleted_is_gone(self, storage: Storage) -> None:
        """And deleting it again is no error: two collectors may."""
        storage.write("a/x", b"")
        storage.delete("a/x")
        storage.delete("a/x")
        storage.delete("never/was")
        with pytest.raises(ObjectNotFoundError):
            storage.read("a/x")
        assert "x" not in storage.list("a")
        assert storage.write_new("a/x", b"again")

    @pytest.mark.parametrize(
        "path",
        ["", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "a b", "a\0", "a\n", "ä"],
    )
    def test_no_path_leaves_the_store(self, storage: Storage, path: str) -> None:
        """A path may come from a record that a stranger wrote."""
        for use in (storage.read, storage.size, storage.delete):
            with pytest.raises(InvalidObjectPathError):
                use(path)
        for put in (storage.write, storage.write_new, storage.append):
            with pytest.raises(InvalidObjectPathError):
                put(path, b"")
        if path and path != "a/":
            with pytest.raises(InvalidObjectPathError):
                storage.list(path)

    def test_one_of_many_writers_creates(self, storage: Storage) -> None:
        """Exactly one owns a run id."""
        with ThreadPoolExecutor(_MANY) as pool:
            won = [*pool.map(lambda number: storage.write_new("claim", b"%02d" % number), range(_MANY))]
        assert won.count(True) == 1
        assert storage.read("claim") == b"%02d" % won.index(True)

    def test_a_reader_never_sees_half_an_object(self, storage: Storage) -> None:
        """Whole or not at all, whatever is being written."""
        versions = [bytes([number]) * 100_000 for number in range(_MANY)]
        storage.write("x", versions[0])

        def read_or_write(number: int) -> bytes:
            if number % 2:
                storage.write("x", versions[number % _MANY])
            return storage.read("x")

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(read_or_write, range(200))) <= set(versions)

    def test_a_reader_sees_a_prefix_of_what_is_appended(self, storage: Storage) -> None:
        """Someone may follow a journal while it grows."""
        whole = b"".join([b"line %d\n" % number for number in range(200)])
        storage.append("x", b"")

        def append_all() -> None:
            for line in whole.splitlines(keepends=True):
                storage.append("x", line)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(append_all)
            while not writing.done():
                assert whole.startswith(storage.read("x"))
        assert storage.read("x") == whole

    def test_random_bytes_survive(self, storage: Storage) -> None:
        """No text mode, no newline translation."""
        data = os.urandom(100_000) + bytes(range(256)) + b"\r\n\0"
        storage.write("x", data)
        assert storage.read("x") == data


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
"""Names of steps, tasks and artifacts."""

addresses = st.binary(max_size=4).map(address_of)
"""Addresses, of bytes that no store has."""

_counts = st.integers(0, 2**63 - 1)
_times = st.floats(0, 1e10)
_texts = st.text(max_size=20)
_plain_json = st.dictionaries(
    _texts,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def values() -> st.SearchStrategy[Any]:
    """Values that pickle and compare: nested containers of builtins, with some memory large enough to matter."""
    scalars: Iterable[st.SearchStrategy[Any]] = (
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.complex_numbers(allow_nan=False),
        st.text(),
        st.binary(),
        st.binary(max_size=8).map(lambda seed: bytearray(seed * 3000)),
        st.dates(),
        st.decimals(allow_nan=False),
    )
    return st.recursive(
        st.one_of(*scalars),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner)
        ),
        max_leaves=12,
    )


def chunk_refs() -> st.SearchStrategy[ChunkRef]:
    """References to chunks that no store has."""
    return st.builds(ChunkRef, addresses, st.integers(0, 2**40))


def artifacts() -> st.SearchStrategy[Artifact]:
    """Artifacts that are well formed, of bytes that no store has."""
    chunked = st.lists(chunk_refs(), min_size=1, max_size=3).map(lambda chunks: Blob.of_chunks(*chunks))
    blobs = st.binary(max_size=20).map(Blob.of_bytes) | chunked

    def build(kind: str, address: str, stream: Blob, buffers: list[Blob]) -> Artifact:
        size = stream.size + sum(buffer.size for buffer in buffers)
        return Artifact(kind, size, address, PICKLE_5, stream, tuple(buffers))

    return st.builds(build, _texts, addresses, blobs, st.lists(blobs, max_size=2))


def tables() -> st.SearchStrategy[ArtifactTable]:
    """Artifact tables, with and without a base."""
    based = st.builds(ArtifactTable, addresses, st.dictionaries(names, st.none() | artifacts(), max_size=3))
    return based | st.builds(ArtifactTable, st.none(), st.dictionaries(names, artifacts(), max_size=3))


def records() -> st.SearchStrategy[Any]:
    """Records of every type."""
    by_address = st.dictionaries(names, addresses, max_size=2)
    attempt = {"time": _times, "step": names, "task": names, "attempt": st.integers(0, 5)}
    ended = {
        **attempt,
        "artifacts": tables(),
        "reads": st.builds(Reads, by_address, st.dictionaries(_texts, by_address, max_size=2)),
        "seconds": st.none() | _times,
        "cpu_seconds": st.none() | _times,
        "max_memory_mib": st.none() | _times,
        "logs": st.none() | st.builds(LogSpan, names, _counts, _counts),
    }
    tags = st.lists(_texts, max_size=3).map(tuple)
    by_name = st.dictionaries(names, artifacts(), max_size=2)
    error = st.builds(TaskError, _texts, _texts, _texts, st.none() | _texts, st.none() | _counts)
    started = st.builds(
        RunStarted,
        time=_times,
        flow=names,
        run_id=names,
        user=_texts,
        parameters=by_name,
        constants=by_name,
        graph=_plain_json,
        code=st.none() | st.builds(Code, names, st.dictionaries(names, chunk_refs(), max_size=2)),
        tags=tags,
        system_tags=tags,
        origin_run=st.none() | names,
        process=st.none() | st.builds(ProcessIdentity, _texts, _texts, _texts, _counts, _counts),
        heartbeat_seconds=st.none() | _times,
        versions=st.dictionaries(_texts, _texts, max_size=2),
        settings=_plain_json,
    )
    frames = st.tuples(names, st.integers(0, 9), st.none() | st.integers(0, 9))
    return st.one_of(
        started,
        st.builds(
            TaskStarted,
            **attempt,
            stack=st.lists(frames, max_size=2).map(tuple),
            parents=st.lists(st.tuples(names, names), max_size=2).map(tuple),
            worker=_texts,
        ),
        st.builds(
            TaskFinished,
            **ended,
            transition=st.none() | st.builds(Transition, st.lists(names, max_size=2), st.none() | _counts),
            origin=st.none() | _texts,
        ),
        st.builds(
            TaskFailed,
            **ended,
            error=st.none() | error,
            reason=_texts,
            exit_code=st.none() | st.integers(-64, 255),
            will_retry=st.booleans(),
        ),
        st.builds(TagsChanged, time=_times, added=tags, removed=tags),
        st.builds(Heartbeat, time=_times),
        st.builds(RunEnded, time=_times, state=st.sampled_from(ENDED_STATES), message=_texts),
    )
