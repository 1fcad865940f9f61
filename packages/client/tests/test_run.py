from datetime import datetime, timezone

import pytest

from flowstone_client import Client, NoResultError, NotFoundError, Run, WrongDepthError
from flowstone_datastore import Code, MissingChunkError, TagsChanged
from flowstone_interfaces import InvalidPathspecError


@pytest.fixture
def written(new_run):
    return new_run()


def test_what_a_run_says_of_itself(written):
    """Who, when, with what."""
    written.start({"alpha": 0.1}, user="ann", tags=("a",), system_tags=("user:ann",))
    written.append(TagsChanged(time=written.tick(), added=("b",), removed=("a",)))
    written.end()
    run = written.read()
    assert (run.id, run.flow_name, run.pathspec, run.user) == ("1", "Train", "Train/1", "ann")
    assert run.created_at == datetime(2026, 1, 1, 12, 0, 1, tzinfo=timezone.utc)
    assert run.finished_at == datetime(2026, 1, 1, 12, 0, 3, tzinfo=timezone.utc)
    assert run.user_tags == {"b"}
    assert run.system_tags == {"user:ann"}
    assert run.tags == {"b", "user:ann"}
    assert run.parameters.alpha == 0.1
    assert repr(run) == "Run('Train/1', finished)"


def test_parameters_are_known_before_anything_ran(written):
    """They are what a run is asked to do; they have no private names, and others are errors."""
    written.start({"alpha": 0.1, "beta": [1, 2]}, {"LIMIT": 3})
    parameters = written.read().parameters
    assert list(parameters) == ["alpha", "beta"]
    assert parameters.beta == [1, 2]
    with pytest.raises(AttributeError, match=r"no parameter Train/1/alhpa in file:///.*; did you mean 'alpha'"):
        _ = parameters.alhpa
    assert repr(parameters) == "<Train/1: alpha, beta>"


def test_a_run_without_parameters_says_so(written):
    """Its repr is what a notebook shows."""
    written.start()
    assert repr(written.read().parameters) == "<Train/1: no parameters>"


def test_steps_come_in_the_order_in_which_they_began(written):
    """Iterating gives the newest first, as everywhere."""
    written.start()
    for step in ("start", "fit", "join"):
        written.run_task(step)
    run = written.read()
    assert [step.id for step in run.steps()] == ["start", "fit", "join"]
    assert [step.id for step in run] == ["join", "fit", "start"]
    assert "fit" in run
    assert "fat" not in run
    assert run["fit"].pathspec == "Train/1/fit"


def test_an_unknown_step_is_named_with_what_may_be_meant(written, store):
    """Only steps that have begun are there."""
    written.complete()
    with pytest.raises(NotFoundError) as caught:
        written.read()["strat"]
    assert str(caught.value) == f"no step Train/1/strat in {store.url}; did you mean 'start'?"


def test_the_data_of_a_run_are_those_of_its_last_step(written):
    """Whatever the flow calls it."""
    written.start(graph={"start": "begin", "end": "finale"})
    written.run_task("begin", values={"x": 1})
    written.run_task("finale", values={"x": 2})
    written.end()
    run = written.read()
    assert run.data.x == 2
    assert run.end_task.pathspec == "Train/1/finale/0"


def test_a_running_run_has_no_result_and_says_where_to_look(written):
    """The mistake is to look too early."""
    written.start()
    run = written.read()
    assert run.end_task is None
    with pytest.raises(NoResultError) as caught:
        _ = run.data
    assert str(caught.value) == (
        "Train/1 has no result: it is running, and its last step has not finished; wait for it, or run it again"
    )
    written.run_task("start", values={"x": 1})
    with pytest.raises(NoResultError, match=r"look at what its tasks left, as in run\['start'\]\.task\.data$"):
        _ = run.data
    assert run["start"].task.data.x == 1


def test_a_run_whose_last_step_failed_has_no_result(written):
    """What the step set before it failed is its task's."""
    written.start()
    written.start_task("end")
    written.fail_task("end")
    written.end("failed", "1 task failed")
    run = written.read()
    with pytest.raises(
        NoResultError, match="Train/1 has no result: it is failed, and its last step has not finish"
    ):
        _ = run.data
    assert [task.pathspec for task in run.failed_tasks] == ["Train/1/end/0"]


def test_a_run_that_does_not_know_its_last_step_has_no_result(written):
    """The graph is opaque to the store: whoever wrote it may have left it out."""
    written.start(graph={})
    written.run_task("end")
    written.end()
    with pytest.raises(NoResultError):
        _ = written.read().data


def test_failed_tasks_come_in_the_order_in_which_they_began(written):
    """The first is often the cause."""
    written.start()
    for step, task in (("fit", "0"), ("fit", "1"), ("score", "0")):
        written.start_task(step, task)
    written.fail_task("score", "0")
    written.fail_task("fit", "1")
    written.finish_task("fit", "0")
    written.end("failed")
    assert [task.pathspec for task in written.read().failed_tasks] == ["Train/1/fit/1", "Train/1/score/0"]


def test_the_code_of_a_run_can_be_read(written, store):
    """As it was when it ran, whatever has become of the files."""
    files = {"train.py": b"print('\xc3\xa4')\n", "data/table.bin": b"\xff\x00"}
    code = Code("train.py", {path: store.chunks.put((data,)) for path, data in files.items()})
    written.start(code=code)
    assert written.read().code == {"train.py": "print('ä')\n", "data/table.bin": "\\xff\x00"}


def test_a_run_without_code_has_none(written):
    """A production scheduler may have had it in an image."""
    written.start()
    assert written.read().code == {}


def test_missing_code_is_named(written, store):
    """Somebody deleted a chunk: the error says which file of which run it was."""
    chunk = store.chunks.put((b"print()\n",))
    written.start(code=Code("train.py", {"train.py": chunk}))
    store.storage.delete(f"chunks/{chunk.address[:2]}/{chunk.address}")
    with pytest.raises(MissingChunkError, match=r"part of the code of Train/1 \(train\.py\),"):
        _ = written.read().code["train.py"]


def test_a_run_of_an_unknown_flow_says_that_the_flow_is_unknown(client, new_run, store):
    """That is what to correct."""
    new_run().complete()
    with pytest.raises(NotFoundError) as caught:
        Run("Trian/1", client=client)
    assert str(caught.value) == f"no flow Trian in {store.url}; did you mean 'Train'?"


def test_an_unknown_run_is_an_error_at_once(client, new_run):
    """Not when it is first asked something."""
    new_run().complete()
    with pytest.raises(NotFoundError, match=r"no run Train/2 in file:///.*; there are 1"):
        Run("Train/2", client=client)


def test_a_run_that_nobody_claimed_is_one_if_it_has_a_journal(client, new_run, store):
    """A remote task may have been the first to write."""
    new_run("1").complete()
    store.storage.write("runs/Train/2/journal/main.jsonl", store.storage.read("runs/Train/1/journal/main.jsonl"))
    assert Run("Train/2", client=client).successful


@pytest.mark.parametrize(
    ("pathspec", "message"),
    [
        ("Train", "Train names a flow; a run is Flow/run, write Flow('Train') and choose below it"),
        ("Train/1/fit", "Train/1/fit names a step; a run is Flow/run, write 'Train/1'"),
        ("Train/1/fit/0", "Train/1/fit/0 names a task; a run is Flow/run, write 'Train/1'"),
        ("Train/1/fit/0/x", "Train/1/fit/0/x names an artifact; a run is Flow/run, write 'Train/1'"),
    ],
)
def test_a_pathspec_of_something_else_is_no_run(client, pathspec, message):
    """It says what it is and what to write."""
    with pytest.raises(WrongDepthError) as caught:
        Run(pathspec, client=client)
    assert str(caught.value) == message


@pytest.mark.parametrize("pathspec", ["", "/", "Train/..", "../1", "Train//fit", "a/b/c/d/e/f"])
def test_a_text_that_names_nothing_is_refused(client, pathspec):
    """Before anything is looked up: it would become a path."""
    with pytest.raises(InvalidPathspecError):
        Run(pathspec, client=client)


def test_a_damaged_journal_is_an_error_but_can_be_shown(written, store):
    """A notebook shows the object on which the error arose."""
    written.complete()
    path = "runs/Train/1/journal/main.jsonl"
    store.storage.write(path, store.storage.read(path).replace(b"Train", b"Trein"))
    run = Run("Train/1", client=Client(store))
    assert repr(run) == "Run('Train/1')"
    with pytest.raises(ValueError, match="the record at byte 0 of Train/1, segment main, is damaged"):
        _ = run.state
