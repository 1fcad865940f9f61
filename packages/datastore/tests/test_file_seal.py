"""What breaks a seal."""

import os
import shutil

from flowstone_datastore.file_seal import is_sealed, seal


def sealed(path, data=b"content"):
    """A file with a seal for the name `n`."""
    path.write_bytes(data)
    seal(os.fspath(path), "n", path.stat())
    return path


def test_a_sealed_file_is_known(tmp_path):
    """By any process, without reading it."""
    assert is_sealed("n", sealed(tmp_path / "f").stat())


def test_a_seal_is_for_one_name(tmp_path):
    """A chunk renamed over another is not that one."""
    assert not is_sealed("m", sealed(tmp_path / "f").stat())


def test_writing_breaks_the_seal(tmp_path):
    """Even if the length stays."""
    path = sealed(tmp_path / "f")
    path.write_bytes(b"CONTENT")
    assert not is_sealed("n", path.stat())


def test_a_copy_has_no_seal(tmp_path):
    """Nobody has verified what was copied, even with its times."""
    path = sealed(tmp_path / "f")
    shutil.copy2(path, tmp_path / "g")
    assert not is_sealed("n", (tmp_path / "g").stat())


def test_the_second_of_the_modification_stays(tmp_path):
    """Collection goes by the age of a chunk."""
    path = tmp_path / "f"
    path.write_bytes(b"content")
    before = path.stat().st_mtime_ns
    seal(os.fspath(path), "n", path.stat())
    assert path.stat().st_mtime_ns // 10**9 == before // 10**9
