from datetime import datetime, timezone

import pytest

from flowstone_client import NotFoundError, Task
from flowstone_datastore import ArtifactTable, Reads, TaskState


@pytest.fixture
def written(new_run):
    written = new_run()
    written.start({"alpha": 0.1}, {"LIMIT": 3}, process=None)
    return written


def test_a_step_lists_its_tasks(written):
    """In the order in which they began; iterating gives the newest first, as everywhere."""
    for task in ("0", "1", "2"):
        written.run_task("fit", task)
    written.run_task("join")
    step = written.read()["fit"]
    assert [task.id for task in step.tasks()] == ["0", "1", "2"]
    assert [task.id for task in step] == ["2", "1", "0"]
    assert len(step) == 3
    assert step.task.id == "0"
    assert step["1"].pathspec == "Train/1/fit/1"
    assert "1" in step
    assert "9" not in step
    assert repr(step) == "Step('Train/1/fit', 3 tasks)"
    assert repr(written.read()["join"]) == "Step('Train/1/join', 1 task)"


def test_an_unknown_task_is_named_with_what_there_is(written, store):
    """Task ids are texts."""
    written.run_task("fit", "0")
    step = written.read()["fit"]
    for wanted in ("7", 7):
        with pytest.raises(NotFoundError) as caught:
            step[wanted]
        assert str(caught.value) == f"no task Train/1/fit/7 in {store.url}; there are 0"


def test_what_a_finished_task_says_of_itself(written):
    """When, how long, where it stands among the others, what it read."""
    written.start_task("fit", "1", stack=(("start", 1, 3),), parents=(("start", "0"),))
    reads = Reads(parameters={"alpha": "0" * 64})
    written.finish_task("fit", "1", {"x": 1}, seconds=2.5, reads=reads)
    task = written.read()["fit"].task
    assert (task.state, task.finished, task.successful) == (TaskState.FINISHED, True, True)
    assert (task.id, task.step_name, task.current_attempt, task.index) == ("1", "fit", 0, 1)
    assert task.parent_task_pathspecs == ("Train/1/start/0",)
    assert task.created_at == datetime(2026, 1, 1, 12, 0, 2, tzinfo=timezone.utc)
    assert task.finished_at == datetime(2026, 1, 1, 12, 0, 3, tzinfo=timezone.utc)
    assert task.seconds == 2.5
    assert task.reads == reads
    assert task.exception is None
    assert task.failure_reason is None
    assert repr(task) == "Task('Train/1/fit/1', finished)"


def test_what_a_running_task_says_of_itself(written):
    """Nothing of an end; the parameters are there already."""
    written.start_task("fit")
    task = written.read()["fit"].task
    assert (task.state, task.finished, task.successful) == (TaskState.RUNNING, False, False)
    assert (task.finished_at, task.seconds, task.reads, task.index, task.parent_task_pathspecs) == (
        None,
        None,
        None,
        None,
        (),
    )
    assert [artifact.id for artifact in task] == ["LIMIT", "alpha"]
    assert (task.data.alpha, task.data.LIMIT) == (0.1, 3)


def test_a_failed_task_says_why_and_what_it_had_set(written):
    """That is what one needs to find the fault."""
    written.start_task("fit")
    table = ArtifactTable(entries=written.save({"before": 1}))
    written.fail_task("fit", artifacts=table, reason="exited", exit_code=1)
    task = written.read()["fit"].task
    assert (task.state, task.finished, task.successful) == (TaskState.FAILED, True, False)
    assert (task.exception.type, task.exception.message) == ("KeyError", "no such column")
    assert (task.exception.file, task.exception.line) == ("train.py", 12)
    assert task.failure_reason == "exited"
    assert task.data.before == 1


def test_a_task_that_is_to_be_tried_again_is_running(written):
    """Whoever polls must not take it for lost; if the run ends before the next attempt, it is."""
    written.start_task("fit")
    written.fail_task("fit", will_retry=True)
    run = written.read()
    assert run["fit"].task.state is TaskState.RUNNING
    assert run.failed_tasks == ()
    assert run["fit"].task.exception.type == "KeyError"
    written.start_task("fit", attempt=1)
    assert run["fit"].task.current_attempt == 1
    written.fail_task("fit", attempt=1, will_retry=True)
    written.end("cancelled")
    assert run["fit"].task.state is TaskState.FAILED


def test_the_latest_attempt_counts(written):
    """A retry that succeeded makes the task good, whatever was before."""
    written.start_task("fit")
    written.fail_task("fit", will_retry=True)
    written.start_task("fit", attempt=1)
    written.finish_task("fit", values={"x": 1}, attempt=1)
    task = written.read()["fit"].task
    assert (task.state, task.current_attempt, task.exception, task.data.x) == (TaskState.FINISHED, 1, None, 1)
    assert task != Task(task.pathspec, 0, client=task._client)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_task_that_was_running_when_its_run_ended_has_failed(written, state):
    """It will never say so itself."""
    written.start_task("fit")
    written.end(state)
    assert written.read()["fit"].task.state is TaskState.FAILED


def test_a_task_whose_start_nobody_recorded_is_a_task(written):
    """As one that was taken over from another run."""
    written.finish_task("fit", values={"x": 1}, origin="0/fit/0")
    task = written.read()["fit"].task
    assert (task.created_at, task.index, task.parent_task_pathspecs) == (None, None, ())
    assert task.data.x == 1
