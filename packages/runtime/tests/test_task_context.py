import pytest

from flowstone_graph import Task, TaskKey
from flowstone_runtime import FlowSpec, Parameter, parallel, step
from flowstone_runtime.tasks.foreach_items import in_positions


class Fragile:
    """Can be stored, and cannot be loaded."""

    def __reduce__(self):
        return (_explode, ())


def _explode():
    raise RuntimeError("somebody loaded it")


# What is read, and what is not


class PassesOn(FlowSpec):
    alpha = Parameter("alpha", default=1)
    beta = Parameter("beta", default=2)

    @step
    def start(self):
        self.fragile = Fragile()
        self.large = bytearray(100_000)
        self.small = 1
        self.next(self.middle)

    @step
    def middle(self):
        self.sum = self.small + self.alpha
        self.next(self.end)

    @step
    def end(self):
        self.size = len(self.large)
        self.size_again = len(self.large)


def test_what_a_step_does_not_read_passes_on_untouched(bench) -> None:
    """A value that cannot even be loaded goes from step to step: nothing of it was looked at."""
    run = bench(PassesOn).run()
    assert run.artifacts("end/0")["fragile"] is not None
    for step_name in ("middle/0", "end/0"):
        for name in ("fragile", "small", "large"):
            assert run.artifacts(step_name)[name] == run.artifacts("start/0")[name]


def test_reading_such_a_value_is_what_fails(bench) -> None:
    """Or the test above would show nothing."""

    class Reads(PassesOn):
        @step
        def middle(self):
            _ = self.fragile
            self.next(self.end)

    assert "somebody loaded it" in bench(Reads).run().failure.error.message


def test_reads_are_recorded_with_addresses(bench) -> None:
    """Resume with changed parameters, incremental runs and lineage stand on it."""
    run = bench(PassesOn).run()
    middle, end = run.records["middle/0"].reads, run.records["end/0"].reads
    alpha = run.runner.run.parameters["alpha"].address
    start = run.artifacts("start/0")
    assert run.records["start/0"].reads.artifacts == {}
    assert (middle.parameters, middle.artifacts) == (
        {"alpha": alpha},
        {"start/0": {"small": start["small"].address}},
    )
    assert (end.parameters, end.artifacts) == ({}, {"middle/0": {"large": start["large"].address}})


def test_a_value_that_was_read_and_not_changed_keeps_its_address_and_writes_nothing(bench) -> None:
    """Reading costs no storage."""
    run = bench(PassesOn)
    run.run()
    chunks = [path for path in run.storage.written if path.startswith("chunks/")]
    assert len(chunks) == 1, "the large value, once"
    assert run.artifacts("end/0")["large"] == run.artifacts("start/0")["large"]


def test_a_value_is_loaded_once_for_each_task(bench) -> None:
    """The second look finds it on `self`."""
    run = bench(PassesOn).run()
    found = [path for path in run.storage.read_paths if path.startswith("chunks/")]
    assert sorted(set(found)) == sorted(found)  # it is looked for as it is, then compressed
    assert len({path.removesuffix(".zst") for path in found}) == 1


class Changes(FlowSpec):
    @step
    def start(self):
        self.rows = [1]
        self.text = TextWithNotes("text")
        self.next(self.end)

    @step
    def end(self):
        self.rows.append(2)
        self.text.notes = "changed in place"


class OrderOfTheDay:
    """A value that pickles differently after it was loaded, as some types with a cache do."""

    def __init__(self, items=(), times_loaded=0):
        self.items = list(items)
        self.times_loaded = times_loaded

    def __reduce__(self):
        return (OrderOfTheDay, (self.items, self.times_loaded + 1))


class ReadsUnstable(FlowSpec):
    @step
    def start(self):
        self.looked_at = OrderOfTheDay("abc")
        self.changed = OrderOfTheDay("abc")
        self.next(self.end)

    @step
    def end(self):
        self.seen = len(self.looked_at.items)
        self.changed.items[0] = "z"


def test_one_value_with_two_pickles_is_one_value(bench) -> None:
    """Else a set that one branch looked at would be a conflict in the join."""
    run = bench(ReadsUnstable).run()
    assert run.artifacts("end/0")["looked_at"] == run.artifacts("start/0")["looked_at"]
    assert run.value("end/0", "changed").items == ["z", "b", "c"]


class Reorders(FlowSpec):
    @step
    def start(self):
        self.columns = {"a": 1, "b": 2}
        self.words = {"x", "y", "z"}
        self.next(self.end)

    @step
    def end(self):
        self.columns = dict(reversed(self.columns.items()))
        self.words.add("x")


def test_a_dict_in_another_order_is_stored_in_that_order(bench) -> None:
    """It has the same address, but who prints it sees the difference."""
    run = bench(Reorders).run()
    assert [*run.value("end/0", "columns")] == ["b", "a"]
    before, after = run.artifacts("start/0"), run.artifacts("end/0")
    assert after["columns"].address == before["columns"].address
    assert after["words"] == before["words"]


class TextWithNotes(str):  # noqa: SLOT000 - attributes of its own are the point
    """A text, but not an immutable one."""

    notes = ""


def test_a_value_that_was_changed_in_place_is_stored_anew(bench) -> None:
    """Even one whose type is derived from an immutable one."""
    run = bench(Changes).run()
    assert run.value("start/0", "rows") == [1]
    assert run.value("end/0", "rows") == [1, 2]
    assert run.value("end/0", "text").notes == "changed in place"


# Foreach


class OneTime:
    """Iterable again and again, but neither sized nor subscriptable."""

    def __iter__(self):
        return iter(["a", "b"])


class MapStyle:
    """Like a data set of PyTorch: subscriptable and sized, without an end for iteration."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return f"item {index}"


class Series:
    """Like a pandas Series: `[0]` is the label 0, not the first."""

    def __init__(self):
        self.by_label = {2: "first", 1: "second", 0: "third"}

    def keys(self):
        return self.by_label.keys()

    def __len__(self):
        return len(self.by_label)

    def __iter__(self):
        return iter(self.by_label.values())

    def __getitem__(self, label):
        return self.by_label[label]


class Each(FlowSpec):
    @step
    def start(self):
        self.things = MAKE[0]()
        self.next(self.work, foreach="things")

    @step
    def work(self):
        self.things = "set anew, and yet the input stays"
        self.seen = (self.index, self.input)
        self.stack = self.foreach_stack()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [i.seen for i in inputs]
        self.inputs_of_branches = [(i.index, i.input) for i in inputs]
        self.outside = (self.index, self.input, self.foreach_stack())
        self.next(self.end)

    @step
    def end(self):
        pass


MAKE = [list]


@pytest.fixture
def each(bench):
    """Runs `Each` over what the function makes."""

    def run(make):
        MAKE[0] = make
        return bench(Each).run()

    return run


@pytest.mark.parametrize(
    ("make", "items"),
    [
        (lambda: ["a", "b"], ["a", "b"]),
        (lambda: ("a",), ["a"]),
        (lambda: "ab", ["a", "b"]),
        (lambda: range(5, 8), [5, 6, 7]),
        (lambda: {"x": 1, "y": 2}, ["x", "y"]),
        (lambda: {1: "one", 0: "zero"}, [1, 0]),
        (lambda: frozenset({"only"}), ["only"]),
        (OneTime, ["a", "b"]),
        (MapStyle, ["item 0", "item 1", "item 2"]),
        (Series, ["first", "second", "third"]),
        (list, []),
        (dict, []),
        (set, []),
    ],
)
def test_a_foreach_runs_over_what_iterating_gives(each, make, items) -> None:
    """In that order, whatever kind of thing it is."""
    run = each(make)
    assert run.value("join/0", "all") == list(enumerate(items))
    assert run.value("join/0", "inputs_of_branches") == list(enumerate(items))
    assert run.value("join/0", "outside") == (None, None, [])
    for index, item in enumerate(items):
        assert run.value(f"work/{index}", "stack") == [(index, len(items), item)]


def test_a_set_keeps_its_order_from_process_to_process(each) -> None:
    """Each process orders a set of texts in its own way: some items would be done twice, others never."""
    words = {f"word {number}" for number in range(50)}
    run = each(lambda: words)
    stored = run.datastore.tables.flatten(run.records["start/0"].artifacts)
    items = run.datastore.artifacts.load(stored["_foreach_items_start"])
    assert isinstance(items, list)
    assert [item for _, item in run.value("join/0", "all")] == items
    assert set(items) == words
    assert run.value("start/0", "things") == words, "the artifact itself stays what it is"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 5, "self.things is a int, which has no items to run over"),
        (lambda: None, "self.things is a NoneType"),
        (lambda: (number for number in range(3)), "self.things is an iterator, which can be run over only once"),
        (lambda: iter([1, 2]), "is an iterator"),
    ],
)
def test_what_cannot_be_run_over_is_refused_by_name(each, make, words) -> None:
    """A generator would be empty when the first task asks for its item."""
    error = each(make).failure.error
    assert error.type == "InvalidNextError"
    assert words in error.message
    assert "step 'start'" in error.message


class OverClass(FlowSpec):
    countries = ["FI", "US"]
    sizes = Parameter("sizes", default=[1, 2, 3])

    @property
    def computed(self):
        return [size * 10 for size in self.sizes]

    @step
    def start(self):
        self.next(self.country, foreach="countries")

    @step
    def country(self):
        self.got = self.input
        self.next(self.join_countries)

    @step
    def join_countries(self, inputs):
        self.of_constant = [i.got for i in inputs]
        self.next(self.spread)

    @step
    def spread(self):
        self.next(self.size, foreach="sizes")

    @step
    def size(self):
        self.got = self.input
        self.next(self.join_sizes)

    @step
    def join_sizes(self, inputs):
        self.of_parameter = [i.got for i in inputs]
        self.next(self.spread_computed)

    @step
    def spread_computed(self):
        self.next(self.computing, foreach="computed")

    @step
    def computing(self):
        self.got = self.input
        self.next(self.join_computed)

    @step
    def join_computed(self, inputs):
        self.of_property = [i.got for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_foreach_may_run_over_constants_parameters_and_properties(bench) -> None:
    """They are attributes of `self` like any other."""
    run = bench(OverClass, sizes=[4, 5]).run()
    assert run.value("join_countries/0", "of_constant") == ["FI", "US"]
    assert run.value("join_sizes/0", "of_parameter") == [4, 5]
    assert run.value("join_computed/0", "of_property") == [40, 50]


def test_numpy_arrays_and_frames_have_positions() -> None:
    """Of an array the rows, of a frame the columns, of a series the values, as in a `for`."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6).reshape(3, 2)
    assert in_positions(array) is array
    with pytest.raises(TypeError, match="no items"):
        in_positions(numpy.array(3))
    pandas = pytest.importorskip("pandas")
    assert in_positions(pandas.Series([7, 8], index=[1, 0])) == [7, 8]
    assert in_positions(pandas.DataFrame({"a": [1, 2], "b": [3, 4]})) == ["a", "b"]


class Nested(FlowSpec):
    @step
    def start(self):
        self.rows = ["r0", "r1"]
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.columns = [f"{self.input}c{number}" for number in range(self.index + 1)]
        self.next(self.cell, foreach="columns")

    @step
    def cell(self):
        self.stack = self.foreach_stack()
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.rejoin)

    @step
    def right(self):
        self.next(self.rejoin)

    @step
    def rejoin(self, inputs):
        self.stack = inputs.left.stack
        self.again = self.foreach_stack()
        self.of_branch = inputs.right.foreach_stack()
        self.next(self.join_cells)

    @step
    def join_cells(self, inputs):
        self.stacks = [i.stack for i in inputs]
        self.row_again = self.foreach_stack()
        self.next(self.join_rows)

    @step
    def join_rows(self, inputs):
        self.stacks = [i.stacks for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_nested_foreachs_keep_every_level(bench) -> None:
    """Also behind joins inside of them."""
    run = bench(Nested).run()
    assert run.value("join_rows/0", "stacks") == [
        [[(0, 2, "r0"), (0, 1, "r0c0")]],
        [[(1, 2, "r1"), (0, 2, "r1c0")], [(1, 2, "r1"), (1, 2, "r1c1")]],
    ]
    assert run.value("rejoin/1-1", "again") == [(1, 2, "r1"), (1, 2, "r1c1")]
    assert run.value("rejoin/1-1", "of_branch") == [(1, 2, "r1"), (1, 2, "r1c1")]
    assert run.value("join_cells/1", "row_again") == [(1, 2, "r1")]


# num_parallel


class Parallel(FlowSpec):
    workers = Parameter("workers", default=2)

    @step
    def start(self):
        self.next(self.work, num_parallel=NUMBER[0])

    @step
    def work(self):
        self.seen = (self.index, self.input, self.foreach_stack())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [i.seen for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


class Whole:
    """What numpy's integers are: whole numbers that are no `int`."""

    def __index__(self):
        return 2


NUMBER = [2]
parallel(Parallel.work)


@pytest.mark.parametrize("number", [2, Whole()])
def test_num_parallel_runs_so_many_tasks(bench, number) -> None:
    """Their input is their number."""
    NUMBER[0] = number
    run = bench(Parallel).run()
    assert run.value("join/0", "all") == [(0, 0, [(0, 2, 0)]), (1, 1, [(1, 2, 1)])]


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True])
def test_num_parallel_must_be_a_whole_number_from_one(bench, number) -> None:
    """It is computed: the graph cannot know."""
    NUMBER[0] = number
    error = bench(Parallel).run().failure.error
    assert error.type == "InvalidNextError"
    assert f"num_parallel is {number!r}; it must be a whole number from 1" in error.message


# Switch


class Switch(FlowSpec):
    kind = Parameter("kind", default="x")

    @step
    def start(self):
        self.choice = CHOICE[0]
        self.next({"x": self.a, "y": self.b, 3: self.b}, condition="choice")

    @step
    def a(self):
        self.came = "a"
        self.next(self.end)

    @step
    def b(self):
        self.came = "b"
        self.next(self.end)

    @step
    def end(self):
        pass


CHOICE: list = ["x"]


@pytest.mark.parametrize(("choice", "came"), [("x", "a"), ("y", "b"), (3, "b"), (3.0, "b")])
def test_a_switch_goes_where_the_value_says(bench, choice, came) -> None:
    """Equal values are equal cases, as in a dictionary."""
    CHOICE[0] = choice
    assert bench(Switch).run().value("end/0", "came") == came


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("z", "self.choice is 'z', which is none of the cases 'x', 'y', 3"),
        (None, "self.choice is None"),
        (["x"], "self.choice cannot be looked up among the cases"),
    ],
)
def test_a_switch_without_a_case_for_the_value_fails_by_name(bench, choice, words) -> None:
    """And says what the cases are."""
    CHOICE[0] = choice
    error = bench(Switch).run().failure.error
    assert error.type == "InvalidNextError"
    assert words in error.message


# Many artifacts, many heirs


class Wide(FlowSpec):
    @step
    def start(self):
        for number in range(1000):
            setattr(self, f"artifact_{number}", [number])
        self.items = list(range(100))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.mine = self.artifact_7
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self):
        self.count = sum(hasattr(self, f"artifact_{number}") for number in range(1000))


def test_a_thousand_artifacts_and_a_hundred_heirs_make_small_records(bench) -> None:
    """The table is stored once and named by each: records would grow with artifacts times heirs."""
    run = bench(Wide).run()
    lengths = {str(key): ref.length for key, ref in run.refs.items()}
    assert max(length for task, length in lengths.items() if task.startswith("work/")) < 1500
    assert lengths["start/0"] < 1500
    assert run.records["work/5"].artifacts.base == run.records["start/0"].artifacts.base
    assert len(run.artifacts("work/5")) == 1002
    assert run.value("end/0", "count") == 1000


def test_one_heir_needs_no_table_of_its_own(bench) -> None:
    """Small tables stay in the records, where one read finds them."""
    run = bench(PassesOn).run()
    assert all(record.artifacts.base is None for record in run.records.values())


def test_a_table_is_read_only_when_an_inherited_name_is_asked_for_or_passed_on(bench) -> None:
    """A join over ten thousand branches that looks at none costs nothing."""

    class Looks(Each):
        @step
        def join(self, inputs):
            self.count = len(inputs)
            self.first = inputs[0].seen
            self.next(self.end)

    MAKE[0] = lambda: list(range(20))
    run = bench(Looks).run()
    run.storage.read_paths.clear()
    join = Task(TaskKey("join"), (), tuple(TaskKey("work", (number,)) for number in range(20)))
    run.runner.execute(run.spec(join))
    assert sum("journal" in path for path in run.storage.read_paths) == 1
