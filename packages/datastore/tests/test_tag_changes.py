import time

from flowstone_datastore import Datastore, RunEnded, RunStarted, TagsChanged, append_tag_change, tag_hints
from flowstone_datastore.deletion import delete_run


def tagged_run(store: Datastore, run_id: str) -> None:
    assert store.claim_run_id("Train", run_id, now=1.0)
    writer = store.journal("Train", run_id).writer("main")
    writer.append(RunStarted(time=1.0, flow="Train", run_id=run_id))
    writer.append(RunEnded(time=2.0, state="finished"))
    append_tag_change(store.storage, "Train", run_id, TagsChanged(time=3.0, added=("good",)))


def test_a_change_is_a_segment_and_a_hint(tmp_path):
    """The segment says what has changed; the hint, that something has."""
    store = Datastore.open(tmp_path / "store", create=True)
    tagged_run(store, "1.5~a-b")
    main, tags = store.journal("Train", "1.5~a-b").segments()
    assert (main, len(tags)) == ("main", len("tags-") + 32)
    ((name, run_id),) = tag_hints(store.storage, "Train")
    assert run_id == "1.5~a-b"
    assert name.endswith(".1.5~a-b")
    assert store.storage.read(f"tagged/Train/{name}") == b""
    assert list(tag_hints(store.storage, "Other")) == []


def test_the_hints_of_a_deleted_run_go_with_it(tmp_path):
    """Those of others stay."""
    store = Datastore.open(tmp_path / "store", create=True)
    tagged_run(store, "1")
    tagged_run(store, "2")
    delete_run(store, "Train", "1", now=time.time())
    assert [run_id for _, run_id in tag_hints(store.storage, "Train")] == ["2"]
