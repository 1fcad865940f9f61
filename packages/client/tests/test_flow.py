import pytest

from flowstone_client import Flow, NotFoundError, WrongDepthError, flows
from flowstone_datastore import TagsChanged
from flowstone_interfaces import InvalidPathspecError


@pytest.fixture
def flow(client, new_run):
    """Four runs: a good one, a failed one, one that is running and one that has not begun."""
    new_run("20260101-120000-aaaa").complete()
    failed = new_run("20260102-120000-aaaa")
    failed.start(tags=("nightly",), system_tags=("user:ann",))
    failed.end("failed")
    new_run("20260103-120000-aaaa").start(tags=("nightly", "big"))
    new_run("20260104-120000-aaaa")
    return Flow("Train", client=client)


def test_runs_come_newest_first(flow):
    """Whoever looks wants the last one; what has not begun is not yet a run to look at."""
    assert [run.id for run in flow] == ["20260103-120000-aaaa", "20260102-120000-aaaa", "20260101-120000-aaaa"]


def test_the_latest_run_is_the_newest_that_has_begun(flow):
    """However it is."""
    assert flow.latest_run.id == "20260103-120000-aaaa"


def test_the_latest_successful_run_is_the_newest_that_finished(flow, new_run):
    """A failed or a running one has nothing to give."""
    assert flow.latest_successful_run.id == "20260101-120000-aaaa"
    new_run("20260105-120000-aaaa").complete()
    assert flow.latest_successful_run.id == flow.latest_run.id == "20260105-120000-aaaa"


def test_a_flow_without_good_runs_has_no_latest(client, new_run):
    """`None`, as for any question whose answer may not exist yet."""
    written = new_run()
    flow = Flow("Train", client=client)
    assert flow.latest_run is None
    written.start()
    assert flow.latest_run.id == "1"
    assert flow.latest_successful_run is None


def test_a_run_is_found_by_its_id(flow):
    """Even one that has not begun: its id is taken."""
    assert flow["20260102-120000-aaaa"].pathspec == "Train/20260102-120000-aaaa"
    assert not flow["20260104-120000-aaaa"].has_begun
    assert "20260104-120000-aaaa" in flow
    assert "20260109-120000-aaaa" not in flow
    assert 7 not in flow


def test_runs_are_found_by_their_tags(flow):
    """All of them must be there: the user's, as they are now, and the system's."""
    assert [run.id for run in flow.runs("nightly")] == ["20260103-120000-aaaa", "20260102-120000-aaaa"]
    assert [run.id for run in flow.runs("nightly", "user:ann")] == ["20260102-120000-aaaa"]
    assert [run.id for run in flow.runs("nightly", "never")] == []
    assert len(list(flow.runs())) == 3


def test_tags_may_change_after_the_end(client, new_run):
    """People judge a run when it is over."""
    written = new_run()
    written.complete()
    written.append(TagsChanged(time=written.tick(), added=("best",)), "tags")
    assert [run.id for run in Flow("Train", client=client).runs("best")] == ["1"]


def test_looking_through_many_runs_lists_them_once(flow, store, monkeypatch):
    """Ten thousand runs must not be listed ten thousand times."""
    listed = []
    inner = store.storage.list
    monkeypatch.setattr(store.storage, "list", lambda folder="": listed.append(folder) or inner(folder))
    assert len(list(flow)) == 3
    assert listed.count("runs/Train") <= 2  # the second time for the run that has not begun


def test_flows_are_listed_by_name(client, new_run):
    """All that ever ran in a store."""
    for name in ("Train", "Score", "Clean"):
        new_run(flow=name).complete()
    found = flows(client)
    assert [flow.id for flow in found] == ["Clean", "Score", "Train"]
    assert [flow.pathspec for flow in found] == ["Clean", "Score", "Train"]
    assert repr(found[0]) == "Flow('Clean')"


def test_a_store_in_which_nothing_ran_has_no_flows(client):
    """No error: it is new."""
    assert flows(client) == ()
    with pytest.raises(
        NotFoundError, match=r"no flow Train in file:///.*; there are none; is this the right store"
    ):
        Flow("Train", client=client)


def test_an_unknown_flow_is_named_with_what_may_be_meant(client, new_run, store):
    """And with the store, since that is often what is wrong."""
    new_run().complete()
    with pytest.raises(NotFoundError) as caught:
        Flow("Trian", client=client)
    assert str(caught.value) == f"no flow Trian in {store.url}; did you mean 'Train'?"
    assert (caught.value.kind, caught.value.pathspec, caught.value.known) == ("flow", "Trian", ("Train",))
    assert isinstance(caught.value, KeyError)


def test_an_unknown_run_is_named_with_what_there_is(flow, store):
    """The newest first, and not all of ten thousand."""
    with pytest.raises(NotFoundError) as caught:
        flow["yesterday"]
    assert str(caught.value).startswith(
        f"no run Train/yesterday in {store.url}; there are 20260104-120000-aaaa, 2026"
    )
    with pytest.raises(NotFoundError, match="did you mean '20260101-120000-aaaa'"):
        flow["20260101-120000-aaab"]


def test_a_long_list_of_what_there_is_is_cut(client, new_run):
    """An error is a sentence."""
    for number in range(20):
        new_run(f"run-{number:02}")
    with pytest.raises(NotFoundError, match=r"there are run-19, (run-\d\d, ){7}\.\.\.$"):
        Flow("Train", client=client)["x"]


def test_a_pathspec_of_something_deeper_is_no_flow(client, new_run):
    """It says what it is and what to write."""
    new_run().complete()
    with pytest.raises(WrongDepthError) as caught:
        Flow("Train/1", client=client)
    assert str(caught.value) == "Train/1 names a run; a flow is one name, write 'Train'"


@pytest.mark.parametrize("name", ["", "..", "../other", "Train/", "a b"])
def test_a_name_that_no_flow_has_is_refused(client, name):
    """Before anything is looked up: it would become a path."""
    with pytest.raises(InvalidPathspecError):
        Flow(name, client=client)
