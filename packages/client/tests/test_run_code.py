from pathlib import Path

import pytest

from flowstone_client import Run
from flowstone_datastore import Code


@pytest.fixture
def keep(new_run, store):
    """A run with this code."""

    def keep(run_id, files):
        written = new_run(run_id)
        refs = {path: store.chunks.put((text.encode(),)) for path, text in files.items()}
        written.start(code=Code("train.py", refs) if refs else None)
        return written.read()

    return keep


def test_the_code_of_a_run_is_kept(keep):
    """By path; the flow's own file has a name of its own."""
    code = keep("1", {"train.py": "print(1)\n", "lib/model.py": "x = 1\n"}).code
    assert list(code) == ["train.py", "lib/model.py"]
    assert code["lib/model.py"] == "x = 1\n"
    assert code.script_name == "train.py"
    assert code.flowspec == "print(1)\n"
    assert code.info["script"] == "train.py"
    assert code.path.endswith("#Train/1")
    assert repr(code) == "<the code of Train/1: train.py, lib/model.py>"
    with code.tarball as archive:
        assert archive.getnames() == ["train.py", "lib/model.py"]
        assert archive.extractfile("lib/model.py").read() == b"x = 1\n"


def test_code_can_be_written_to_a_folder(keep, tmp_path):
    """To look at it, to run it again."""
    code = keep("1", {"train.py": "print(1)\n", "lib/model.py": "x = 1\n"}).code
    assert code.extract(tmp_path / "here") == tmp_path / "here"
    assert (tmp_path / "here" / "lib" / "model.py").read_text() == "x = 1\n"
    with code.extract() as folder:
        assert (Path(folder) / "train.py").read_text() == "print(1)\n"
    assert not Path(folder).exists()


def test_programs_stay_programs(new_run, store, tmp_path):
    """A script that a step starts must still start; and its mode is part of the key."""
    refs = {"train.py": store.chunks.put((b"",)), "run.sh": store.chunks.put((b"echo",))}
    written = new_run("1")
    written.start(code=Code("train.py", refs, executable=("run.sh",), import_folders=("src",)))
    code = written.read().code
    code.extract(tmp_path / "here")
    assert (tmp_path / "here" / "run.sh").stat().st_mode & 0o100
    assert not (tmp_path / "here" / "train.py").stat().st_mode & 0o100
    assert code.key == Code("train.py", dict(reversed(refs.items())), executable=("run.sh",)).key
    assert code.key != Code("train.py", refs).key
    assert (code.executable, code.import_folders) == ({"run.sh"}, ("src",))


def test_two_runs_are_compared_file_by_file(keep, client):
    """What has changed since it last worked?"""
    old = keep("1", {"train.py": "a\nb\n", "gone.py": "", "same.py": "s"}).code
    new = keep("2", {"train.py": "a\nc\n", "new.py": "", "same.py": "s"}).code
    difference = old.diff(new)
    assert (difference.added, difference.removed, list(difference.changed)) == (
        ("new.py",),
        ("gone.py",),
        ["train.py"],
    )
    assert str(difference).splitlines() == [
        "+ new.py",
        "- gone.py",
        "--- Train/1/train.py",
        "+++ Train/2/train.py",
        "@@ -1,2 +1,2 @@",
        " a",
        "-b",
        "+c",
    ]
    assert difference
    assert not old.diff(old)
    assert old.diff(Run("Train/2", client=client)) == difference


def test_a_run_without_code_has_none(keep, client):
    """Not every writer keeps it."""
    code = keep("1", {}).code
    assert (len(code), code.flowspec, code.script_name) == (0, "", "")
    assert repr(code) == "<the code of Train/1: none was kept>"
    with pytest.raises(KeyError):
        code["train.py"]
    assert not code.diff(Run("Train/1", client=client).code)
