import pytest

from flowstone_datastore import ArtifactTable
from flowstone_runtime import FlowSpec, Parameter, step


class Fragile:
    """Can be stored, and cannot be loaded."""

    def __reduce__(self):
        return (_explode, ())


def _explode():
    raise RuntimeError("somebody loaded it")


class Merge(FlowSpec):
    alpha = Parameter("alpha", default=1)
    constant = "of the flow"

    @step
    def start(self):
        self.shared = Fragile()
        self.words = {"set", "of", "words"}
        self.gone_in_one = 1
        self.next(self.a, self.b)

    @step
    def a(self):
        self.only_a = 1
        self.filled = {"one": {"x", "y"}, "two": 2}
        self.equal = [1, 2]
        self.differs = "a"
        self._hidden = 7
        len(self.words)
        self.next(self.join)

    @step
    def b(self):
        self.filled = {"two": 2, "one": {"y", "x"}}
        self.equal = [1, 2]
        self.differs = "b"
        del self.gone_in_one
        self.next(self.join)

    @step
    def join(self, inputs):
        JOIN[0](self, inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


JOIN = [lambda self, inputs: None]
ALL = {"shared", "words", "gone_in_one", "only_a", "equal", "_hidden", "filled"}


@pytest.fixture
def merged(bench):
    """Runs the flow with this join."""

    def run(join):
        JOIN[0] = join
        return bench(Merge).run()

    return run


def test_a_join_starts_from_nothing(merged) -> None:
    """What goes on is said, never guessed."""
    assert merged(lambda self, inputs: None).artifacts("end/0") == {}


def test_what_the_branches_agree_on_goes_on_without_being_loaded(merged) -> None:
    """Names that one branch alone has, and private ones, too."""
    run = merged(lambda self, inputs: self.merge_artifacts(inputs, exclude=["differs"]))
    assert set(run.artifacts("end/0")) == ALL
    for name in ("shared", "words"):
        assert run.artifacts("end/0")[name] == run.artifacts("start/0")[name]


def test_dicts_that_were_filled_in_another_order_are_no_conflict(merged) -> None:
    """They compare equal; that of the first branch goes on, in its order."""
    run = merged(lambda self, inputs: self.merge_artifacts(inputs, include=["filled"]))
    assert [*run.value("end/0", "filled")] == ["one", "two"]


def test_what_was_set_before_counts(merged) -> None:
    """That is how a conflict is settled."""

    def join(self, inputs):
        self.differs = inputs.a.differs + inputs.b.differs
        self.merge_artifacts(inputs)

    run = merged(join)
    assert run.value("end/0", "differs") == "ab"
    assert set(run.artifacts("end/0")) == ALL | {"differs"}


def test_include_takes_these_only(merged) -> None:
    """The rest is left behind."""
    run = merged(lambda self, inputs: self.merge_artifacts(inputs, include=["equal", "only_a"]))
    assert set(run.artifacts("end/0")) == {"equal", "only_a"}


def test_include_of_what_is_set_already_is_no_error(merged) -> None:
    """It is there, whoever set it."""

    def join(self, inputs):
        self.made = 1
        self.merge_artifacts(inputs, include=["made", "equal"])

    assert set(merged(join).artifacts("end/0")) == {"made", "equal"}


@pytest.mark.parametrize(
    ("join", "kind", "words"),
    [
        (
            lambda self, inputs: self.merge_artifacts(inputs),
            "MergeConflictError",
            "the branches disagree on differs",
        ),
        (
            lambda self, inputs: self.merge_artifacts(inputs, include=["nope", "equal", "neither"]),
            "MissingInMergeError",
            "no branch has neither, nope",
        ),
        (
            lambda self, inputs: self.merge_artifacts(inputs, include=["equal"], exclude=["differs"]),
            "UsageError",
            "not both",
        ),
        (
            lambda self, inputs: self.merge_artifacts(inputs, exclude="differs"),
            "UsageError",
            "exclude=['differs']",
        ),
        (lambda self, inputs: self.merge_artifacts(inputs, include="equal"), "UsageError", "include=['equal']"),
    ],
)
def test_what_stands_in_the_way_is_said_at_once_and_by_name(merged, join, kind, words) -> None:
    """And nothing is taken over."""
    run = merged(join)
    assert run.failure.error.type == kind
    assert words in run.failure.error.message
    assert run.failure.artifacts == ArtifactTable()


def test_a_conflict_leaves_the_join_as_it_was(merged) -> None:
    """Whoever catches it can go on."""

    def join(self, inputs):
        try:
            self.merge_artifacts(inputs)
        except ValueError:
            self.merge_artifacts(inputs, include=["equal"])

    assert set(merged(join).artifacts("end/0")) == {"equal"}


def test_what_was_taken_over_can_be_read_and_changed_and_the_read_is_recorded(merged) -> None:
    """A join that depends on a branch's value must say so, whichever way it came to it."""

    def join(self, inputs):
        self.merge_artifacts(inputs, exclude=["differs"])
        self.equal.append(3)
        self.copied = self.only_a

    run = merged(join)
    assert run.value("end/0", "equal") == [1, 2, 3]
    assert run.value("end/0", "copied") == 1
    branch = run.artifacts("a/0")
    assert run.records["join/0"].reads.artifacts == {
        "a/0": {"equal": branch["equal"].address, "only_a": branch["only_a"].address}
    }


def test_what_was_taken_over_can_be_deleted(merged) -> None:
    """Merge all, then drop what is too large."""

    def join(self, inputs):
        self.merge_artifacts(inputs, exclude=["differs"])
        del self.words
        assert not hasattr(self, "words")

    assert set(merged(join).artifacts("end/0")) == ALL - {"words"}


def test_what_was_set_and_deleted_again_is_taken_over(merged) -> None:
    """As if it had never been set; and it can be read."""

    def join(self, inputs):
        self.equal = "a draft"
        del self.equal
        self.merge_artifacts(inputs, include=["equal"])
        assert self.equal == [1, 2]

    assert merged(join).value("end/0", "equal") == [1, 2]


class JoinsNothing(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.merge_artifacts([])


def test_outside_of_a_join_there_is_nothing_to_merge(bench) -> None:
    """The step is named."""
    assert "'end': this step joins nothing" in bench(JoinsNothing).run().failure.error.message


class MergesItems(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.rows = [3]
        self.next(self.outer, foreach="items")

    @step
    def outer(self):
        self.own = self.input
        self.next(self.inner, foreach="rows")

    @step
    def inner(self):
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.merge_artifacts(inputs)
        self.input_again = self.input
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.found = [(i.own, i.input_again) for i in inputs]
        self.merge_artifacts(inputs, exclude=["own", "input_again"])
        self.next(self.end)

    @step
    def end(self):
        pass


def test_what_a_foreach_ran_over_is_not_merged_into_what_follows(bench) -> None:
    """It is ours, and its time is over with the join."""
    run = bench(MergesItems).run()
    assert run.value("join_outer/0", "found") == [(1, 1), (2, 2)]
    table = run.datastore.tables.flatten(run.records["end/0"].artifacts)
    assert set(table) == {"found", "items", "rows"}
