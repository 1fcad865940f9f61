import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import (
    Datastore,
    FileStorage,
    LogFrame,
    MemoryStorage,
    NotAStoreError,
    StoreNotWritableError,
    TagsChanged,
    UnsupportedFormatError,
)
from flowstone_datastore.run_ids import make_run_id
from flowstone_interfaces import InvalidPathspecError
from flowstone_interfaces.pathspec import check_part

NOON = 1767268800.0  # 2026-01-01 12:00:00 UTC


@pytest.fixture
def store(tmp_path):
    return Datastore.open(tmp_path / "store", create=True)


def test_a_new_store_is_marked_and_ignored_by_git(tmp_path):
    """Nobody commits gigabytes by accident."""
    Datastore.open(tmp_path / "store", create=True)
    assert json.loads((tmp_path / "store/flowstone.json").read_text()) == {"format": 1}
    assert (tmp_path / "store/.gitignore").read_text() == "*\n"
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700


def test_a_store_opens_again(store, tmp_path):
    """By folder and by URL."""
    artifact = store.artifacts.save([*range(10_000)])
    for location in (tmp_path / "store", str(tmp_path / "store"), store.url):
        assert Datastore.open(location).artifacts.load(artifact) == [*range(10_000)]
    assert Datastore.open(tmp_path / "store", create=True).artifacts.load(artifact)


def test_no_store_is_an_error_and_makes_nothing(tmp_path):
    """Reading in the wrong place must not leave an empty store there."""
    with pytest.raises(NotAStoreError, match=r"no flowstone\.json"):
        Datastore.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_with_other_things_does_not_become_a_store(tmp_path):
    """Its `.gitignore` would hide somebody's project."""
    (tmp_path / "train.py").touch()
    with pytest.raises(
        NotAStoreError, match=r"holds 'train.py' and no flowstone\.json; choose a new or an empty folder"
    ):
        Datastore.open(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_an_empty_folder_becomes_a_store(tmp_path):
    """As does one whose creator was killed."""
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "tmp").mkdir()
    Datastore.open(tmp_path, create=True)
    assert [*Datastore.open(tmp_path).flows()] == []


@pytest.mark.parametrize("number", [0, 2, 99, "1", 1.5, True, None])
def test_another_format_is_refused(tmp_path, number):
    """Not misread."""
    (tmp_path / "flowstone.json").write_text(json.dumps({"format": number, "more": 1}))
    for create in (False, True):
        with pytest.raises(UnsupportedFormatError, match="knows only format 1; install"):
            Datastore.open(tmp_path, create=create)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_marker_is_refused(tmp_path, content):
    """It may be somebody else's file."""
    (tmp_path / "flowstone.json").write_bytes(content)
    with pytest.raises(NotAStoreError, match="does not say a format"):
        Datastore.open(tmp_path)


def test_a_file_is_no_store(tmp_path):
    """A typo in the path."""
    (tmp_path / "file").touch()
    with pytest.raises(NotAStoreError):
        Datastore.open(tmp_path / "file")
    with pytest.raises(StoreNotWritableError):
        Datastore.open(tmp_path / "file", create=True)


def test_run_ids_sort_by_time_and_are_claimed():
    """Two runs that begin in the same microsecond get two names."""
    store = Datastore.at(MemoryStorage(), create=True)
    one, two = (store.new_run_id("Train", NOON) for _ in range(2))
    assert (one, two) == ("20260101-120000-0000", "20260101-120000-0001")
    later = store.new_run_id("Train", NOON + 1)
    assert [*store.run_ids("Train")] == [later, two, one]
    assert [*store.flows()] == ["Train"]
    assert not store.claim_run_id("Train", one, NOON)
    assert store.claim_run_id("Train", "from-elsewhere", NOON)
    assert store.claim_run_id("Other", one, NOON)


@given(st.lists(st.integers(0, 4_000_000_000_000_000), min_size=2))
def test_run_ids_sort_as_their_times_do(times):
    """The newest run is found by name, without reading any."""
    ids = [make_run_id(time) for time in times]
    assert sorted(ids) == [make_run_id(time) for time in sorted(times)]
    assert all(check_part(run_id) == run_id for run_id in ids)


def test_a_store_in_which_nothing_ran_is_empty(store):
    """No flow, no run, no error."""
    assert [*store.flows()] == []
    assert [*store.run_ids("Train")] == []
    assert store.log_segments("Train", "1") == ()


@pytest.mark.parametrize("name", ["..", "a/b", "", "a b"])
def test_names_stay_in_the_store(store, name):
    """They become paths."""
    with pytest.raises(InvalidPathspecError):
        store.run_ids(name)
    with pytest.raises(InvalidPathspecError):
        store.claim_run_id("F", name, NOON)
    with pytest.raises(InvalidPathspecError):
        store.log("F", "1", name)


def test_a_run_has_a_journal_and_logs(store):
    """The tree is as FORMAT.md draws it."""
    run_id = store.new_run_id("Train", NOON)
    store.journal("Train", run_id).writer("main").append(TagsChanged(time=NOON, added=("x",)))
    store.log("Train", run_id, "main").append(LogFrame("a", "1", 0, "stdout", NOON, b"hello\n"))
    store.artifacts.save(b"x" * 10_000)
    assert store.log_segments("Train", run_id) == ("main",)
    root = FileStorage(store.storage.root)
    assert [*root.list()] == [".gitignore", "chunks/", "flowstone.json", "runs/"]
    assert [*root.list(f"runs/Train/{run_id}")] == ["claim.json", "journal/", "logs/"]
    assert [*root.list(f"runs/Train/{run_id}/journal")] == ["main.jsonl"]
    assert [*root.list(f"runs/Train/{run_id}/logs")] == ["main.log"]
