"""What every storage must do, as tests. Needs pytest: the extra `testing`."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowstone_datastore.storage import Buffer, Storage
from flowstone_datastore.storage_errors import InvalidObjectPathError, ObjectNotFoundError

_MANY = 16
_CLOCK_STEP_SECONDS = 1.1  # object stores count whole seconds
_CLOCKS_DIFFER_SECONDS = 60
_STRANGE_PATHS = ("", "/", "/x", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "a b", "a\0", "a\n", "ä")


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
        assert storage.status("a/b/c").size == len(b"bytes")

    def test_an_object_may_be_empty(self, storage: Storage) -> None:
        """Empty is not absent."""
        storage.write("a/empty", b"")
        assert storage.read("a/empty") == b""
        assert storage.status("a/empty").size == 0
        assert not storage.write_new("a/empty", b"x")

    def test_several_buffers_are_one_object(self, storage: Storage) -> None:
        """Large values come in pieces that nobody wants to join."""
        pieces: list[Buffer] = [b"one", bytearray(b""), memoryview(bytearray(b"two")), b"three"]
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
        """Records and log frames are read by their range, which a stranger may have written."""
        storage.write("a/x", b"0123456789")
        assert storage.read("a/x", 3) == b"3456789"
        assert storage.read("a/x", 3, 4) == b"3456"
        assert storage.read("a/x", 8, 10) == b"89"
        assert storage.read("a/x", 10, 5) == b""
        assert storage.read("a/x", 99) == b""
        assert storage.read("a/x", 2**62) == storage.read("a/x", 2**62, 2**62) == b""
        assert storage.read("a/x", 8, 2**62) == b"89"
        assert storage.read("a/x", 2, 0) == b""

    def test_a_missing_object_is_an_error(self, storage: Storage) -> None:
        """And always the same one."""
        storage.write("a/x", b"")
        for path in ("b", "a/b", "a"):
            with pytest.raises(ObjectNotFoundError):
                storage.read(path)
            with pytest.raises(ObjectNotFoundError):
                storage.status(path)
            with pytest.raises(ObjectNotFoundError):
                storage.touch(path)

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

    def test_an_object_is_as_old_as_its_last_write_or_touch(self, storage: Storage) -> None:
        """Collection spares what is young: what somebody relies on, who has not recorded it yet."""
        storage.write("a/x", b"bytes")
        written = storage.status("a/x").modified
        assert abs(written - time.time()) < _CLOCKS_DIFFER_SECONDS
        time.sleep(_CLOCK_STEP_SECONDS)
        storage.touch("a/x")
        touched = storage.status("a/x").modified
        assert touched > written
        assert storage.read("a/x") == b"bytes"
        time.sleep(_CLOCK_STEP_SECONDS)
        storage.write("a/x", b"other")
        assert storage.status("a/x").modified > touched

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

    @pytest.mark.parametrize("path", _STRANGE_PATHS)
    def test_no_path_leaves_the_store(self, storage: Storage, path: str) -> None:
        """A path may come from a record that a stranger wrote."""
        for use in (storage.read, storage.status, storage.touch, storage.delete):
            with pytest.raises(InvalidObjectPathError):
                use(path)
        for put in (storage.write, storage.write_new, storage.append):
            with pytest.raises(InvalidObjectPathError):
                put(path, b"")
        if path and path != "a/":
            with pytest.raises(InvalidObjectPathError):
                [*storage.list(path)]

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
