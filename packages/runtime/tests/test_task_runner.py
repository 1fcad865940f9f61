import asyncio
import builtins
import sys
import threading
import time

import pytest

from flowstone_datastore import StoreFullError, TaskFailed, TaskFinished, Transition
from flowstone_graph import ForeachFrame, Task, TaskKey
from flowstone_runtime import FlowSpec, Parameter, current, step


class Trouble(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.before = "set before"
        self.read = self.alpha
        BODY[0](self)
        self.after = "set after"
        self.next(self.end)

    @step
    def end(self):
        pass


BODY = [lambda self: None]


@pytest.fixture
def trouble(bench):
    """Runs the flow with this in its first step."""

    def run(body):
        BODY[0] = body
        return bench(Trouble).run()

    return run


def raising(error):
    def body(self):
        raise error

    return body


def test_a_step_that_ends_well_is_a_record_of_what_it_left(trouble) -> None:
    """Logs and usage are the executor's to know."""
    began = time.time()
    record = trouble(lambda self: time.sleep(0.01)).records["start/0"]
    assert isinstance(record, TaskFinished)
    assert (record.step, record.task, record.attempt) == ("start", "0", 0)
    assert began <= record.time <= time.time()
    assert 0.01 <= record.seconds < 10
    assert record.transition == Transition(("end",))
    assert set(record.artifacts.entries) == {"before", "read", "after"}
    assert set(record.reads.parameters) == {"alpha"}
    assert record.logs is None


def test_the_last_step_goes_nowhere(trouble) -> None:
    """Which is how a scheduler knows."""
    assert trouble(lambda self: None).records["end/0"].transition is None


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("the sky is down"), "ValueError", "the sky is down"),
        (KeyError("k"), "KeyError", "'k'"),
        (SystemExit("bye"), "SystemExit", "bye"),
        (SystemExit(0), "SystemExit", "0"),
        (asyncio.CancelledError("from a library"), "asyncio.exceptions.CancelledError", "from a library"),
        (MemoryError(), "MemoryError", ""),
        *(
            [(builtins.ExceptionGroup("two", [ValueError("a")]), "ExceptionGroup", "two (1 sub-exception)")]
            if sys.version_info >= (3, 11)
            else []
        ),
    ],
)
def test_whatever_a_step_raises_fails_the_task(trouble, capsys, error, kind, message) -> None:
    """What was set and read before it is recorded; the traceback goes to standard error."""
    run = trouble(raising(error))
    record = run.failure
    assert isinstance(record, TaskFailed)
    assert (record.reason, record.error.type, record.error.message) == ("exception", kind, message)
    assert run.values("start/0") == {"before": "set before", "read": 1}
    assert set(record.reads.parameters) == {"alpha"}
    assert record.error.file == __file__
    assert capsys.readouterr().err == record.error.traceback


def test_ctrl_c_is_the_callers(trouble) -> None:
    """It stops the run, not the task."""
    with pytest.raises(KeyboardInterrupt):
        trouble(raising(KeyboardInterrupt()))
    assert not current.is_running_flow


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "message"),
    [(Unspeakable(), "(its text cannot be shown: RuntimeError)"), (ValueError("lone \udcff surrogate"), "lone")],
)
def test_an_exception_that_cannot_be_shown_is_an_exception_all_the_same(trouble, error, message) -> None:
    """The record of it can be written."""
    assert message in trouble(raising(error)).failure.error.message


def test_a_closed_standard_error_hides_nothing(trouble, monkeypatch) -> None:
    """The record tells what the stream cannot."""
    monkeypatch.setattr("sys.stderr", None)
    assert trouble(raising(ValueError("unheard"))).failure.error.message == "unheard"


class NoNext(FlowSpec):
    @step
    def start(self):
        if self.go:
            return
        self.next(self.end)

    @property
    def go(self):
        return True

    @step
    def end(self):
        pass


def test_a_step_that_ends_without_next_fails(bench) -> None:
    """The graph says that something follows."""
    error = bench(NoNext).run().failure.error
    assert error.type == "InvalidNextError"
    assert "step 'start'" in error.message
    assert "ended without calling it" in error.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda self: self.next(self.end), "called before in this step"),
        (lambda self: self.next(self.start), "the source says that end follows, not start"),
        (lambda self: self.next(), "the source says that end follows"),
        (lambda self: self.next("end"), "'end' is no step; write self.<step>"),
        (lambda self: self.next(len), "is no step"),
        (lambda self: self.next(self.end, foreach="before"), "the source says"),
        (lambda self: self.next(self.end, condition="before"), "one mapping"),
    ],
)
def test_next_is_called_once_and_as_it_is_written(trouble, body, words) -> None:
    """What runs is what was checked, drawn and deployed."""
    error = trouble(body).failure.error
    assert error.type == "InvalidNextError"
    assert words in error.message


def test_what_cannot_be_stored_is_named_and_the_rest_is_kept(trouble) -> None:
    """The user knows at once which line to change."""

    def body(self):
        self.lock = threading.Lock()
        self.fine = [1]
        self.also_bad = (number for number in range(3))

    run = trouble(body)
    error = run.failure.error
    assert error.type == "UnstorableArtifactError"
    for word in ("step 'start'", "self.lock", "_thread.lock"):
        assert word in error.message
    assert set(run.artifacts("start/0")) == {"before", "read", "fine", "after"}


def test_a_foreach_over_what_cannot_be_stored_is_named_too(bench) -> None:
    """By its own name."""

    class Locks(FlowSpec):
        @step
        def start(self):
            self.fine = 1
            self.locks = [threading.Lock()]
            self.next(self.work, foreach="locks")

        @step
        def work(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    run = bench(Locks).run()
    assert "self.locks" in run.failure.error.message
    assert set(run.artifacts("start/0")) == {"fine"}


def test_a_name_that_nobody_could_read_is_refused(trouble) -> None:
    """`setattr` takes any text; after `self.` only an identifier can stand."""
    run = trouble(lambda self: setattr(self, "two words", 1))
    assert "self.two words" in run.failure.error.message
    assert "no Python identifier" in run.failure.error.message
    assert set(run.artifacts("start/0")) == {"before", "read", "after"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda self: setattr(self, "before", self), "it is a flow"),
        (lambda self: setattr(self, "before", [self]), "it is a flow"),
    ],
)
def test_the_flow_itself_is_no_artifact(trouble, body, words) -> None:
    """`self.best = max(inputs, key=...)` is written quickly."""
    assert words in trouble(body).failure.error.message


def test_the_users_own_error_counts_more_than_what_could_not_be_stored_after_it(trouble) -> None:
    """The second follows from the first."""

    def body(self):
        self.lock = threading.Lock()
        raise ValueError("first")

    assert trouble(body).failure.error.message == "first"


def test_a_full_disk_fails_the_task_with_one_sentence(bench, monkeypatch) -> None:
    """The step went well; its artifacts did not fit."""
    run = bench(Trouble)
    BODY[0] = lambda self: setattr(self, "large", bytearray(100_000))

    def full(path, data):
        raise StoreFullError(path, run.storage.url, "no space left")

    monkeypatch.setattr(run.storage, "write_new", full)
    record = run.run().failure
    assert record.error.type == "StoreFullError"
    assert "flowstone_" not in record.error.traceback


class Chain(FlowSpec):
    @step
    def start(self):
        for number in range(200):
            setattr(self, f"name_{number}", list(range(number)))
        self.items = list(range(100))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.own = 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_damaged_table_of_a_parent_fails_the_task_and_not_its_process(bench) -> None:
    """Damage is an error with a name, wherever it is met."""
    run = bench(Chain)
    start = run.execute(Task(TaskKey("start")))
    base = start.artifacts.base
    assert base is not None
    run.storage.write(f"chunks/{base[:2]}/{base}", b"damaged")
    run.datastore.tables._bases.clear()
    record = run.execute(Task(TaskKey("work", (0,)), (ForeachFrame("start", 0, 100),), (TaskKey("start"),)))
    # Nothing inherited was asked for: the task only passes the table on, by its address.
    assert isinstance(record, TaskFinished)

    class Reads(Chain):
        @step
        def work(self):
            self.own = self.name_7
            self.next(self.join)

    bench_of_reader = bench(Reads)
    start = bench_of_reader.execute(Task(TaskKey("start")))
    base = start.artifacts.base
    bench_of_reader.storage.write(f"chunks/{base[:2]}/{base}", b"damaged")
    bench_of_reader.datastore.tables._bases.clear()
    task = Task(TaskKey("work", (0,)), (ForeachFrame("start", 0, 100),), (TaskKey("start"),))
    record = bench_of_reader.execute(task)
    assert isinstance(record, TaskFailed)
    assert record.error.type == "DamagedChunkError"


def test_a_lost_record_of_a_parent_fails_the_task_and_not_its_process(bench) -> None:
    """Also where nothing but the table is asked for."""
    run = bench(Trouble)
    BODY[0] = lambda self: None
    run.execute(Task(TaskKey("start")))
    run.storage.write(f"runs/Trouble/{run.runner.run.run_id}/journal/bench.jsonl", b"x" * 10_000)
    record = run.runner.execute(run.spec(Task(TaskKey("end"), (), (TaskKey("start"),))))
    assert isinstance(record, TaskFailed)
    assert record.error.type == "DamagedRecordError"


class Knows(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.seen = {
            name: current.get(name)
            for name in ("flow_name", "run_id", "step_name", "task_id", "retry_count", "username", "pathspec")
        }
        self.more = (current.parameter_names, current.tags, current.namespace, current.is_running_flow)
        self.steps = sorted(current.graph_info["steps"]) if "steps" in current.graph_info else None


def test_a_step_knows_where_it_is(bench) -> None:
    """And outside of it nobody does."""
    run = bench(Knows).run()
    run_id = run.runner.run.run_id
    assert run.value("start/0", "seen") == {
        "flow_name": "Knows", "run_id": run_id, "step_name": "start", "task_id": "0", "retry_count": 0,
        "username": "tester", "pathspec": f"Knows/{run_id}/start/0",
    }  # fmt: skip
    assert run.value("start/0", "more") == (("alpha",), frozenset({"a tag"}), "user:tester", True)
    assert not current.is_running_flow


class Branches(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.x = "a"
        self.next(self.join)

    @step
    def b(self):
        self.x = "b"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [i.x for i in inputs]
        self.named = (inputs.a.x, inputs.b.x)
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_join_gets_its_branches_in_the_order_of_the_split(bench) -> None:
    """Whichever finished first; what it reads of each is recorded under each."""
    run = bench(Branches).run()
    assert run.value("join/0", "got") == ["a", "b"]
    assert run.value("join/0", "named") == ("a", "b")
    assert set(run.records["join/0"].reads.artifacts) == {"a/0", "b/0"}
