import pickle

import pytest

from flowstone_client import (
    AllFlows,
    Client,
    DataArtifact,
    Flow,
    Metaflow,
    NamespaceMismatchError,
    NotFoundError,
    Run,
    Step,
    Task,
    WrongDepthError,
)

CLASSES = [Flow, Run, Step, Task, DataArtifact]
NAMES = ["Train", "Train/1", "Train/1/fit", "Train/1/fit/1", "Train/1/fit/1/model"]
NAMED = list(zip(CLASSES, NAMES, strict=True))
GRAPH = {
    "start": "start",
    "end": "end",
    "nodes": [
        {"name": "start", "kind": "foreach", "targets": ["fit"], "num_parallel": True},
        {"name": "fit", "kind": "linear", "targets": ["join"]},
        {"name": "join", "kind": "join", "targets": ["end"]},
        {"name": "end", "kind": "end", "targets": []},
    ],
}


@pytest.fixture
def written(new_run):
    written = new_run()
    written.start(
        {"alpha": 0.1}, {"UNIT": "m"}, graph=GRAPH, tags=("good",), system_tags=("user:ann", "runtime:local")
    )
    written.run_task("start")
    for index in range(2):
        written.start_task("fit", str(index), stack=(("start", index, 2),), parents=(("start", "0"),))
        written.finish_task("fit", str(index), {"model": [index]})
    written.start_task("join", parents=(("fit", "0"), ("fit", "1")))
    written.finish_task("join")
    written.start_task("end", parents=(("join", "0"),))
    written.finish_task("end", values={"model": [1]})
    written.end()
    return written


@pytest.mark.parametrize(("cls", "name"), NAMED)
def test_everything_is_found_by_its_pathspec(written, client, cls, name):
    """A name in a log or a message is enough."""
    found = cls(name, client=client)
    assert found.pathspec == name
    assert found.path_components == name.split("/")
    assert found.id == name.rpartition("/")[2]
    assert found.tags == {"good", "user:ann", "runtime:local"}
    assert found.user_tags == {"good"}
    assert found.system_tags == {"user:ann", "runtime:local"}
    assert found.created_at is not None
    assert found.origin_pathspec is None
    assert found.is_in_namespace()


@pytest.mark.parametrize(("cls", "name"), NAMED)
def test_everything_can_be_pickled(written, store, cls, name):
    """A step may keep what it looked at, or hand it to another process."""
    found = cls(name, client=Client(store, namespace="user:ann"))
    copy = pickle.loads(pickle.dumps(found))
    assert type(copy) is cls
    assert repr(copy) == repr(found)
    assert copy._client.namespace == "user:ann"


@pytest.mark.parametrize(("cls", "name"), NAMED)
def test_the_same_thing_is_equal_whoever_looks_at_it(written, store, cls, name):
    """`run in seen` is what people write; what has another name, or is another kind of thing, differs."""
    found, again = cls(name, client=Client(store, namespace="user:ann")), cls(name, client=Client(store.url))
    assert found == again
    assert len({found, again, name}) == 2
    assert all(found != each(other, client=Client(store)) for each, other in NAMED if each is not cls)


@pytest.mark.parametrize(("cls", "name"), NAMED[1:])
def test_everything_knows_its_parent(written, client, cls, name):
    """Up the pathspec, to the flow."""
    found = cls(name, client=client)
    assert type(found.parent) is CLASSES[CLASSES.index(cls) - 1]
    assert found.parent.pathspec == name.rpartition("/")[0]
    assert found.id in found.parent
    assert found.parent[found.id].pathspec == name
    assert found.pathspec in [child.pathspec for child in found.parent]
    assert Flow("Train", client=client).parent is None


@pytest.mark.parametrize("depth", range(5))
@pytest.mark.parametrize("cls", CLASSES)
def test_a_pathspec_of_another_depth_says_what_to_write(client, cls, depth):
    """Before anything is looked up."""
    if CLASSES[depth] is cls:
        return
    with pytest.raises(WrongDepthError) as caught:
        cls(NAMES[depth], client=client)
    wanted = CLASSES.index(cls)
    advice = f"write {NAMES[wanted]!r}" if depth > wanted else f"write {CLASSES[depth].__name__}({NAMES[depth]!r})"
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "name", "sentence"),
    [
        (Step, "Train/1/fti", "no step Train/1/fti in {url}; did you mean 'fit'?"),
        (Step, "Train/2/fit", "no run Train/2 in {url}; there are 1"),
        (Task, "Train/1/fit/7", "no task Train/1/fit/7 in {url}; there are 0, 1"),
        (Task, "Train/1/fti/0", "no step Train/1/fti in {url}; did you mean 'fit'?"),
        (Task, "Tarin/1/fti/0", "no flow Tarin in {url}; did you mean 'Train'?"),
        (DataArtifact, "Train/1/fit/7/model", "no task Train/1/fit/7 in {url}; there are 0, 1"),
        (DataArtifact, "Train/1/fit/1/modle", "no artifact Train/1/fit/1/modle in {url}; did you mean 'model'?"),
    ],
)
def test_what_is_missing_is_named_with_what_may_be_meant(written, client, store, cls, name, sentence):
    """One sentence that says what to correct."""
    with pytest.raises(NotFoundError) as caught:
        cls(name, client=client)
    assert str(caught.value) == sentence.format(url=store.url)


@pytest.mark.parametrize(("cls", "name"), NAMED)
def test_a_namespace_hides_all_that_is_in_a_run(written, store, cls, name):
    """Whatever one asks for."""
    with pytest.raises(NamespaceMismatchError):
        cls(name, client=Client(store, namespace="user:bob"))


def test_tasks_know_who_came_before_and_after(written, client):
    """A join has many parents, in the order of its inputs."""
    join = Task("Train/1/join/0", client=client)
    assert [task.id for task in join.parent_tasks] == ["0", "1"]
    assert join.parent_task_pathspecs == ("Train/1/fit/0", "Train/1/fit/1")
    assert join.child_task_pathspecs == ("Train/1/end/0",)
    start = Task("Train/1/start/0", client=client)
    assert [task.pathspec for task in start.child_tasks] == ["Train/1/fit/0", "Train/1/fit/1"]
    assert list(start.parent_tasks) == []


def test_steps_know_who_came_before_and_after(written, client):
    """As their tasks say."""
    step = Step("Train/1/fit", client=client)
    assert [other.id for other in step.parent_steps] == ["start"]
    assert [other.id for other in step.child_steps] == ["join"]
    assert step.created_at < step.finished_at
    assert [task.id for task in step] == ["1", "0"]
    assert [task.id for task in step.tasks("good")] == ["0", "1"]
    assert list(step.tasks("bad")) == []
    assert [other.id for other in step.parent.steps("good")] == ["start", "fit", "join", "end"]


def test_parameters_are_a_step_that_is_not_listed(written, client):
    """As people know it."""
    run = Run("Train/1", client=client)
    assert "_parameters" in run
    assert "_parameters" not in [step.id for step in run]
    assert run["_parameters"].task.data.alpha == 0.1
    assert [artifact.id for artifact in Task("Train/1/_parameters/0", client=client)] == ["UNIT", "alpha"]
    assert DataArtifact("Train/1/_parameters/0/alpha", client=client).data == 0.1


def test_the_first_of_parallel_tasks_controls_the_others(written, client):
    """The one that others connect to."""
    run = Run("Train/1", client=client)
    assert run["fit"].control_task.pathspec == "Train/1/fit/0"
    assert [task.id for task in run["fit"].control_tasks()] == ["0"]
    assert run["join"].control_task is None


def test_earlier_attempts_can_be_asked_for(new_run, client):
    """What went wrong the first time is often what one wants to know."""
    written = new_run()
    written.start()
    written.start_task("fit")
    span = written.print("fit", "0", "stdout", b"first\n")
    written.fail_task("fit", message="once", will_retry=True, logs=span)
    written.start_task("fit", attempt=1)
    assert Task("Train/1/fit/0", attempt=0, client=client).finished
    assert not Task("Train/1/fit/0", client=client).finished
    written.finish_task("fit", values={"x": 1}, attempt=1)
    written.end()
    first = Task("Train/1/fit/0", attempt=0, client=client)
    assert (first.current_attempt, first.successful, first.exception.message) == (0, False, "once")
    assert first.stdout == "first\n"
    assert Task("Train/1/fit/0", client=client).current_attempt == 1
    assert Task("Train/1/fit/0", 1, client=client).data.x == 1
    assert pickle.loads(pickle.dumps(first)).current_attempt == 0
    with pytest.raises(NotFoundError, match=r"no attempt 2 of Train/1/fit/0 in "):
        Task("Train/1/fit/0", attempt=2, client=client)


def test_facts_about_a_task_have_names(new_run, client, store):
    """For whoever wants to know with what it ran."""
    written = new_run()
    written.start(user="ann", versions={"python": "3.11.2"}, system_tags=("runtime:local",), origin_run="0")
    written.start_task("start", worker="node-7")
    written.finish_task("start", seconds=1.5, max_memory_mib=20.0)
    task = Task("Train/1/start/0", client=client)
    assert task.metadata_dict == {
        "attempt": "0",
        "user": "ann",
        "ds-root": store.url,
        "python_version": "3.11.2",
        "worker": "node-7",
        "origin-run-id": "0",
        "attempt_ok": "True",
        "seconds": "1.5",
        "max_memory_mib": "20.0",
    }
    assert task.environment_info == {"python_version": "3.11.2", "worker": "node-7"}
    assert task.parent.environment_info == task.environment_info
    assert task.runtime_name == "local"
    assert task.metadata[0].created_at == task.created_at
    assert Run("Train/1", client=client).origin_pathspec == "Train/0"


def test_what_was_taken_over_says_from_where(new_run, client):
    """A resumed run copies nothing."""
    written = new_run()
    written.start()
    written.finish_task("fit", values={"x": 1}, origin="0/fit/0")
    assert Task("Train/1/fit/0", client=client).origin_pathspec == "Train/0/fit/0"
    assert Step("Train/1/fit", client=client).origin_pathspec == "Train/0/fit"
    assert DataArtifact("Train/1/fit/0/x", client=client).origin_pathspec == "Train/0/fit/0/x"


def test_output_is_measured_and_given_as_it_was_written(new_run, client):
    """Bytes for whoever wants them."""
    written = new_run()
    written.start()
    span = written.print("fit", "0", "stdout", b"a\xff\nb\n")
    written.run_task("fit", logs=span)
    task = Task("Train/1/fit/0", client=client)
    assert (task.stdout_size, task.stderr_size) == (5, 0)
    assert [line for _, line in task.loglines("stdout", as_unicode=False)] == [b"a\xff", b"b"]
    assert [line for _, line in task.loglines("stdout")] == ["a\\xff", "b"]


def test_a_store_is_a_mapping_of_flows(written, client, new_run, store):
    """Under our name and under the one that people know."""
    new_run("1", flow="Other").complete()
    assert Metaflow is AllFlows
    everything = Metaflow(client=client)
    assert [flow.id for flow in everything.flows] == [flow.id for flow in everything] == ["Other", "Train"]
    assert everything["Train"].latest_run.id == "1"
    assert "Train" in everything
    assert "Trian" not in everything
    assert repr(everything) == "AllFlows('Other', 'Train')"
    assert [flow.id for flow in Metaflow(client=Client(store, namespace="user:ann"))] == ["Train"]


def test_completion_knows_what_is_below(written, client):
    """The tab key after `run["`."""
    assert Metaflow(client=client)._ipython_key_completions_() == ["Train"]
    assert Flow("Train", client=client)._ipython_key_completions_() == ["1"]
    assert Run("Train/1", client=client)._ipython_key_completions_() == ["start", "fit", "join", "end"]
    assert Step("Train/1/fit", client=client)._ipython_key_completions_() == ["0", "1"]
    assert Task("Train/1/fit/0", client=client)._ipython_key_completions_() == ["UNIT", "alpha", "model"]
    assert DataArtifact("Train/1/fit/0/model", client=client)._ipython_key_completions_() == []
    assert {"UNIT", "alpha", "model"} <= set(dir(Task("Train/1/fit/0", client=client).data))
