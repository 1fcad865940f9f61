import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowstone_datastore import FileStorage, StorageFailedError, StoreFullError, StoreNotWritableError
from flowstone_datastore.testing import StorageContract


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestFileStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return FileStorage(tmp_path / "store")


class TestFileStorageWithoutHardLinks(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path, monkeypatch):
        def link(source, target):
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "exists", target)
            raise OSError(errno.ENOTSUP, "no such thing here", source)

        monkeypatch.setattr(os, "link", link)
        return FileStorage(tmp_path / "store")

    def test_one_of_many_writers_creates(self, storage):
        """Several may believe that they did, as the docstring says; what is there is whole, and one of theirs."""
        with ThreadPoolExecutor(8) as pool:
            won = [*pool.map(lambda number: storage.write_new("claim", b"%02d" % number), range(16))]
        assert int(storage.read("claim")) in [number for number, created in enumerate(won) if created]
        assert not storage.write_new("claim", b"late")


def test_a_root_that_we_make_is_private(tmp_path):
    """Artifacts may be secret: nobody else reads them unless somebody decides so."""
    storage = FileStorage(tmp_path / "deep" / "store")
    storage.write("a/x", b"")
    storage.append("a/y", b"")
    storage.write_new("b/c/z", b"")
    root = tmp_path / "deep" / "store"
    assert {mode(path) for path in (root, root / "a", root / "b", root / "b/c", root / "tmp")} == {0o700}
    assert {mode(root / path) for path in ("a/x", "a/y", "b/c/z")} == {0o600}


@pytest.mark.parametrize("root_mode", [0o770, 0o2775, 0o755, 0o700])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_root_that_was_there_gives_its_permissions(tmp_path, root_mode, umask):
    """A folder shared by a group stays shared, whatever the umask of whoever writes."""
    root = tmp_path / "shared"
    root.mkdir()
    root.chmod(root_mode)
    before = os.umask(umask)
    try:
        storage = FileStorage(root)
        storage.write("a/b/x", b"")
        storage.append("a/y", b"")
        storage.append("a/y", b"more")
        storage.write_new("a/z", b"")
    finally:
        os.umask(before)
    assert {mode(root / path) for path in ("a", "a/b", "tmp")} == {root_mode}
    assert {mode(root / path) for path in ("a/b/x", "a/y", "a/z")} == {root_mode & 0o666}


def test_nothing_is_left_in_the_temporary_folder(tmp_path):
    """Else every lost race would cost disk."""
    storage = FileStorage(tmp_path)
    storage.write("a", b"1")
    storage.write("a", b"2")
    storage.write_new("a", b"3")
    storage.write_new("b", b"4")
    assert files_below(tmp_path) == ["a", "b"]


def test_a_url_opens_the_same_folder(tmp_path):
    """Workers get their store as a URL."""
    storage = FileStorage(tmp_path / "with space & ü")
    storage.write("a", b"1")
    assert " " not in storage.url
    assert FileStorage.from_url(storage.url).read("a") == b"1"


def test_a_relative_root_stays_where_it_was(tmp_path, monkeypatch):
    """User code may change the working directory."""
    monkeypatch.chdir(tmp_path)
    storage = FileStorage("store")
    monkeypatch.chdir("/")
    storage.write("a", b"1")
    assert (tmp_path / "store/a").read_bytes() == b"1"


def test_a_file_in_place_of_the_root_cannot_be_written(tmp_path):
    """What to do stands in the sentence, not in a traceback."""
    (tmp_path / "file").write_bytes(b"")
    storage = FileStorage(tmp_path / "file")
    for put in (storage.write, storage.write_new, storage.append):
        with pytest.raises(StoreNotWritableError, match="make the folder writable") as caught:
            put("a", b"")
        assert isinstance(caught.value, PermissionError)
        assert caught.value.filename == f"{tmp_path}/file/a"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_cannot_be_written(tmp_path):
    """Reading goes on."""
    storage = FileStorage(tmp_path)
    storage.write("a/x", b"1")
    for folder in (tmp_path, tmp_path / "a", tmp_path / "tmp"):
        folder.chmod(0o500)
    try:
        for put in (storage.write, storage.write_new, storage.append):
            with pytest.raises(StoreNotWritableError):
                put("a/new", b"")
        assert storage.read("a/x") == b"1"
    finally:
        for folder in (tmp_path, tmp_path / "a", tmp_path / "tmp"):
            folder.chmod(0o700)


def test_other_failures_keep_their_reason(tmp_path, monkeypatch):
    """A broken disk is none of the store's doing, but must be said."""

    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    storage = FileStorage(tmp_path)
    monkeypatch.setattr(os, "writev", fail)
    with pytest.raises(StorageFailedError, match="Input/output error") as caught:
        storage.write("a", b"x")
    assert caught.value.errno == errno.EIO
    assert files_below(tmp_path) == []


def test_a_short_write_goes_on(tmp_path, monkeypatch):
    """Systems take at most 2 GiB at once."""
    whole_writev = os.writev
    monkeypatch.setattr(os, "writev", lambda file, views: whole_writev(file, [views[0][:3]]))
    storage = FileStorage(tmp_path)
    storage.write("a", [b"0123456", b"", b"78", b"9abcdef"])
    assert storage.read("a") == b"0123456789abcdef"


FILL = """
import resource, sys
from flowstone_datastore import FileStorage, StoreFullError
storage = FileStorage(sys.argv[1])
storage.append("grows", b"line\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for put in (storage.write, storage.write_new, storage.append):
    for path in ("new", "old", "grows"):
        try:
            put(path, [b"x" * 60_000, b"y" * 60_000])
        except StoreFullError as error:
            assert error.filename.endswith(path), error.filename
        else:
            assert put == storage.write_new and path != "new", (put, path)
storage.append("grows", b"after\\n")
"""


def test_a_full_disk_is_an_error_and_leaves_nothing_partial(tmp_path):
    """The run that fills the disk must not ruin the runs that did not."""
    FileStorage(tmp_path).write("old", b"old")
    subprocess.run([sys.executable, "-c", FILL, str(tmp_path)], check=True)
    assert (tmp_path / "old").read_bytes() == b"old"
    assert (tmp_path / "grows").read_bytes() == b"line\nafter\n"
    assert (tmp_path / "new").read_bytes() == b""
    assert files_below(tmp_path / "tmp") == []


def test_a_full_disk_error_is_an_os_error():
    """Code that handles `OSError` handles it."""
    error = StoreFullError(errno.ENOSPC, "No space left on device", "/store/x")
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (errno.ENOSPC, "/store/x")
    assert str(error) == (
        "/store/x could not be written: No space left on device; free some space, or store somewhere else"
    )


def test_folders_vanishing_meanwhile_are_made_again(tmp_path):
    """Somebody cleaned up while a long run was going on."""
    storage = FileStorage(tmp_path / "store")
    storage.write("a/x", b"1")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    storage.write("a/x", b"2")
    storage.append("b/c/d", b"3")
    assert Path(tmp_path / "store/a/x").read_bytes() == b"2"
