import os
import pickle

import pytest

from flowstone_client import (
    Client,
    Flow,
    NamespaceMismatchError,
    Run,
    default_client,
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
    use_client,
)
from flowstone_datastore import Datastore, NotAStoreError


@pytest.fixture(autouse=True)
def ann(store, tmp_path, monkeypatch):
    """In a project whose store this is, Ann opens a notebook; nothing of it stays behind."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLOWSTONE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FLOWSTONE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FLOWSTONE_USER", "ann")
    use_client(None)
    yield
    use_client(None)


@pytest.fixture
def runs(new_run):
    for run_id, tags in {"1": ("user:ann",), "2": ("user:bob",), "3": ("production:abc",)}.items():
        written = new_run(run_id)
        written.start(system_tags=tags)
        written.end()


def test_people_see_their_own_runs_first(runs):
    """In a store of many, the latest run is one's own."""
    assert get_namespace() == "user:ann"
    assert [run.id for run in Flow("Train")] == ["1"]
    assert Flow("Train").latest_run.id == "1"
    assert Flow("Train").latest_successful_run.id == "1"


def test_other_namespaces_are_one_word_away(runs):
    """A colleague's, production's, all."""
    assert namespace("user:bob") == "user:bob"
    assert Flow("Train").latest_run.id == "2"
    namespace("production:abc")
    assert [run.id for run in Flow("Train")] == ["3"]
    assert namespace(None) is None
    assert [run.id for run in Flow("Train")] == ["3", "2", "1"]
    assert default_namespace() == "user:ann"
    assert [run.id for run in Flow("Train")] == ["1"]


def test_user_tags_make_namespaces_too(runs):
    """A namespace is a tag, whoever gave it."""
    Run("Train/2", client=Client(os.environ["FLOWSTONE_STORE"])).add_tag("study")
    namespace("study")
    assert [run.id for run in Flow("Train")] == ["2"]


def test_a_hidden_run_says_what_hides_it(runs):
    """It is there; not to find it would be a riddle."""
    with pytest.raises(NamespaceMismatchError) as caught:
        Run("Train/2")
    assert str(caught.value) == (
        "Train/2 is not in the namespace 'user:ann'; "
        "namespace(None) shows all runs, namespace('user:<name>') those of somebody else"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(NamespaceMismatchError):
        Flow("Train")["3"]


def test_a_flow_without_a_run_in_the_namespace_is_hidden(runs):
    """Its runs would be an empty list without a reason."""
    namespace("user:eve")
    with pytest.raises(NamespaceMismatchError, match="Train is not in the namespace 'user:eve'"):
        Flow("Train")


def test_a_client_has_a_namespace_of_its_own(runs, store):
    """Two can be used side by side, whatever the notebook set."""
    everything, bob = Client(store), Client(store, namespace="user:bob")
    assert [run.id for run in Flow("Train", client=everything)] == ["3", "2", "1"]
    assert [run.id for run in Flow("Train", client=bob)] == ["2"]
    assert not bob.sees(frozenset({"user:ann"}))
    assert get_namespace() == "user:ann"


def test_what_was_found_stays_found(runs):
    """Changing the namespace does not take away what somebody holds."""
    flow = Flow("Train")
    namespace("user:bob")
    assert [run.id for run in flow] == ["1"]


def test_a_pickled_client_opens_the_same(runs, store):
    """A client goes to other processes with what holds it."""
    client = pickle.loads(pickle.dumps(Client(store, namespace="user:bob")))
    assert client.datastore.url == store.url
    assert client.namespace == "user:bob"


def test_another_store_can_be_the_one_that_is_asked(runs, tmp_path, store):
    """As people know it: `metadata(...)`; the namespace stays."""
    other = Client(str(tmp_path / "store"))
    assert default_client().datastore.url == other.datastore.url == get_metadata()
    Datastore.open(tmp_path / "other", create=True)
    namespace("user:bob")
    assert metadata(f"local@{tmp_path / 'other'}") == get_metadata() != store.url
    assert get_namespace() == "user:bob"
    assert default_metadata() == store.url
    assert get_namespace() == "user:bob"
    with pytest.raises(NotAStoreError):
        metadata(str(tmp_path / "nowhere"))
    assert get_metadata() == store.url


def test_what_was_tried_in_a_project_is_found_by_its_folder(runs, tmp_path, store):
    """As people know it: `inspect_spin(".")`; a store itself will do, too."""
    project = Datastore.open(tmp_path / "project" / ".flowstone", create=True)
    assert inspect_spin(str(tmp_path / "project")) == get_metadata() == project.url
    assert inspect_spin(str(tmp_path / "store")) == store.url
    with pytest.raises(NotAStoreError):
        inspect_spin(str(tmp_path))
