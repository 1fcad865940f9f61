"""What a flow means, shown by running it: the same in forks, in new interpreters and in one process."""

import pytest

ISOLATIONS = ["fork", "spawn", "none"]

EVERYTHING = """
    class Everything(FlowSpec):
        size = Parameter("size", default=3)
        constant = {"k": [1, 2]}

        @step
        def start(self):
            self.rows = list(range(self.size))
            self.untouched = "as it was"
            self.next(self.left, self.right)

        @step
        def left(self):
            self.side = "left"
            self.only_left = 1
            self.next(self.rejoin)

        @step
        def right(self):
            self.side = "right"
            self.next(self.rejoin)

        @step
        def rejoin(self, inputs):
            self.order = [i.side for i in inputs]
            self.by_name = (inputs.left.side, inputs.right.side)
            self.merge_artifacts(inputs, exclude=["side"])
            self.next(self.spread)

        @step
        def spread(self):
            self.next(self.outer, foreach="rows")

        @step
        def outer(self):
            self.columns = ["a", "b"][: self.input + 1]
            self.rows = "overwritten, but input is not"
            self.next(self.inner, foreach="columns")

        @step
        def inner(self):
            self.cell = (self.input, self.index, self.foreach_stack())
            self.next(self.inner_join)

        @step
        def inner_join(self, inputs):
            self.cells = [i.cell for i in inputs]
            self.row = (self.index, self.input)
            self.next(self.outer_join)

        @step
        def outer_join(self, inputs):
            self.table = [i.cells for i in inputs]
            self.row_order = [i.row for i in inputs]
            self.countdown = 3
            self.next(self.loop)

        @step
        def loop(self):
            self.countdown -= 1
            self.kind = "again" if self.countdown else "done"
            self.next({"again": self.loop, "done": self.end}, condition="kind")

        @step
        def end(self):
            self.seen = (self.constant["k"], self.size, current.step_name, current.task_id)

    if __name__ == "__main__":
        Everything()
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_every_kind_of_step_means_what_it_says(flow_file, isolation) -> None:
    """Splits, joins, nested foreach, switch and recursion in one flow, whatever keeps tasks apart."""
    run = flow_file(EVERYTHING).run("--isolation", isolation)
    assert run.state.value == "finished"
    assert run["rejoin"].task.data.order == ["left", "right"]
    assert run["rejoin"].task.data.by_name == ("left", "right")
    assert run["rejoin"].task.data.only_left == 1
    assert run["rejoin"].task.data.untouched == "as it was"
    outer = run["outer_join"].task.data
    assert outer.table == [
        [("a", 0, [(0, 3, 0), (0, 1, "a")])],
        [("a", 0, [(1, 3, 1), (0, 2, "a")]), ("b", 1, [(1, 3, 1), (1, 2, "b")])],
        [("a", 0, [(2, 3, 2), (0, 2, "a")]), ("b", 1, [(2, 3, 2), (1, 2, "b")])],
    ]
    assert outer.row_order == [(0, 0), (1, 1), (2, 2)]
    assert [task.id for task in run["loop"].tasks()] == ["0", "0.1", "0.2"]
    assert run.data.seen == ([1, 2], 3, "end", "0")


def test_the_addresses_do_not_depend_on_the_isolation(flow_file) -> None:
    """Equal work gives equal content, or nothing could be reused."""
    flow = flow_file(EVERYTHING)
    tables = []
    for isolation in ISOLATIONS:
        run = flow.run("--isolation", isolation)
        tables.append(
            {artifact.pathspec.partition("/")[2].partition("/")[2]: artifact.address
             for step in run.steps() for task in step.tasks() for artifact in task.artifacts}
        )  # fmt: skip
    assert tables[0] == tables[1] == tables[2]


def test_a_foreach_without_items_goes_straight_to_its_join(flow_file) -> None:
    """No data is a normal day, not an error."""
    run = flow_file(EVERYTHING).run("--size", "0")
    assert "outer" not in run
    assert run["outer_join"].task.data.table == []


NO_ITEMS = """
    class Nothing(FlowSpec):
        @step
        def start(self):
            self.items = []
            self.unit = "kg"
            self.next(self.work, foreach="items")

        @step
        def work(self):
            self.weight = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.weight for i in inputs)
            self.merge_artifacts(inputs, exclude=["items"])
            self.text = f"{self.total} {self.unit}"
            self.next(self.end)

        @step
        def end(self):
            self.text += "!"

    if __name__ == "__main__":
        Nothing()
"""


def test_what_was_set_before_a_foreach_without_items_can_be_merged(flow_file) -> None:
    """Else the steps after the join would fail on the first day without data."""
    run = flow_file(NO_ITEMS).run()
    assert run.data.text == "0 kg!"
    assert "items" not in run["end"].task
    lineage = run["join"].task["text"].lineage().to_networkx()
    assert any(source.endswith("/start/0/unit") for source, _ in lineage.edges)


CLASSES = """
    class Point:
        def __init__(self, x):
            self.x = x

    class Classes(FlowSpec):
        @step
        def start(self):
            self.point = Point(3)
            self.double = lambda x: 2 * x
            self.next(self.end)

        @step
        def end(self):
            self.same_class = type(self.point) is Point
            self.x = self.double(self.point.x)

    if __name__ == "__main__":
        Classes()
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_classes_and_lambdas_of_the_flow_file_are_artifacts(flow_file, isolation) -> None:
    """`isinstance` must hold in the next step, and a function is a value like any other."""
    data = flow_file(CLASSES).run("--isolation", isolation).data
    assert (data.same_class, data.x) == (True, 6)


MERGE = """
    class Merge(FlowSpec):
        @step
        def start(self):
            self.words = {"set", "of", "strings", "read", "in", "both"}
            self.gone = 1
            self.next(self.a, self.b)

        @step
        def a(self):
            len(self.words)
            self.x = 1
            self.y = 1
            self.next(self.join)

        @step
        def b(self):
            len(self.words)
            self.x = 2
            self.y = 1
            del self.gone
            self.next(self.join)

        @step
        def join(self, inputs):
            MERGE
            self.next(self.end)

        @step
        def end(self):
            self.names = [n for n in ("words", "gone", "x", "y") if hasattr(self, n)]

    if __name__ == "__main__":
        Merge()
"""


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("self.x = 3; self.merge_artifacts(inputs)", ["words", "gone", "x", "y"]),
        ("self.merge_artifacts(inputs, exclude=['x'])", ["words", "gone", "y"]),
        ("self.merge_artifacts(inputs, include=['y'])", ["y"]),
        ("pass", []),
    ],
)
def test_merge_takes_what_the_branches_agree_on(flow_file, call, names) -> None:
    """A set that both branches only read is no conflict."""
    assert flow_file(MERGE.replace("MERGE", call)).run().data.names == names


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("self.merge_artifacts(inputs)", "the branches disagree on x"),
        ("self.merge_artifacts(inputs, include=['nope'])", "no branch has nope"),
        ("self.merge_artifacts(inputs, include=['y'], exclude=['x'])", "not both"),
    ],
)
def test_merge_says_what_stands_in_its_way(flow_file, call, message) -> None:
    """All of it at once, by name."""
    output = flow_file(MERGE.replace("MERGE", call)).call("run", exit_code=1)
    assert message in output


READS = """
    class Reads(FlowSpec):
        alpha = Parameter("alpha", default=1)
        beta = Parameter("beta", default=2)

        @step
        def start(self):
            self.big = list(range(10))
            self.small = 1
            self.sum = self.alpha + 1
            self.next(self.end)

        @step
        def end(self):
            self.total = sum(self.big)

    if __name__ == "__main__":
        Reads()
"""


def test_what_a_task_read_is_recorded_with_addresses(flow_file) -> None:
    """Resume with changed parameters, incremental runs and lineage stand on it."""
    run = flow_file(READS).run()
    start, end = run["start"].task, run["end"].task
    assert set(start.reads.parameters) == {"alpha"}
    assert start.reads.artifacts == {}
    assert end.reads.artifacts == {"start/0": {"big": start["big"].address}}
    assert end["big"].address == start["big"].address


PARAMETERS = """
    class Parameters(FlowSpec):
        count = Parameter("count", default=3, help="How many.")
        rate = Parameter("learning-rate", default=0.5)
        is_dry = Parameter("dry", default=False)
        label = Parameter("label")
        options = Parameter("options", type=JSONType, default='{"a": 1}')

        @step
        def start(self):
            self.all = (self.count, self.rate, self.is_dry, self.label, self.options)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Parameters()
"""


def test_parameters_have_their_types(flow_file) -> None:
    """What the command line gives is what the step sees."""
    flow = flow_file(PARAMETERS)
    assert flow.run()["start"].task.data.all == (3, 0.5, False, None, {"a": 1})
    run = flow.run(
        "--count", 7, "--learning-rate", "1e-3", "--dry", "true", "--label", "ü x", "--options", "[1, null]"
    )
    assert run["start"].task.data.all == (7, 0.001, True, "ü x", [1, None])
    assert run.parameters.count == 7


NUMPY = """
    import random
    import numpy as np

    class Random(FlowSpec):
        @step
        def start(self):
            self.items = [1, 2, 3]
            self.next(self.draw, foreach="items")

        @step
        def draw(self):
            self.numbers = (random.random(), float(np.random.rand()))
            self.next(self.join)

        @step
        def join(self, inputs):
            self.distinct = [len({i.numbers[k] for i in inputs}) for k in (0, 1)]
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Random()
"""


def test_forked_tasks_draw_different_random_numbers(flow_file) -> None:
    """A fork repeats its parent's generators: sixteen equal samples would be a silent disaster."""
    assert flow_file(NUMPY).run()["join"].task.data.distinct == [3, 3]


INHERITED = """
    from flow_base import Base

    class Child(Base):
        @step
        def middle(self):
            self.who = "child"
            self.next(self.end)

    if __name__ == "__main__":
        Child()
"""

BASE = """
    class Base(FlowSpec):
        @step
        def start(self):
            self.next(self.middle)

        @step
        def middle(self):
            self.who = "base"
            self.next(self.end)

        @step
        def end(self):
            import helper
            self.helped = helper.VALUE
"""


def test_steps_are_inherited_and_every_first_party_module_is_snapshotted(flow_file, tmp_path) -> None:
    """The code of a run is all of it: the base class's file, and what only a step imports."""
    flow_file(BASE, "flow_base.py")
    (tmp_path / "helper.py").write_text("VALUE = 42\n")
    (tmp_path / "unrelated.py").write_text("1 / 0\n")
    flow = flow_file(INHERITED)
    run = flow.run()
    assert (run.data.who, run.data.helped) == ("child", 42)
    assert set(run.code) == {"flow.py", "flow_base.py", "helper.py"}
    assert run.code["helper.py"] == "VALUE = 42\n"
    assert flow.run("--isolation", "spawn").data.helped == 42


FOREACH_SOURCES = """
    class Sources(FlowSpec):
        numbers = Parameter("numbers", type=JSONType, default="[3, 4]")
        letters = ("a", "b")

        @property
        def computed(self):
            return {"x": 1, "y": 2}

        @property
        def broken(self):
            return self.not_there

        @step
        def start(self):
            self.next(self.one, foreach="SOURCE")

        @step
        def one(self):
            self.got = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.got = [i.got for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Sources()
"""


@pytest.mark.parametrize(
    ("source", "items"), [("numbers", [3, 4]), ("letters", ["a", "b"]), ("computed", ["x", "y"])]
)
def test_a_foreach_runs_over_whatever_self_has(flow_file, source, items) -> None:
    """A parameter, a constant, a property: the step does not see the difference."""
    assert flow_file(FOREACH_SOURCES.replace("SOURCE", source)).run().data.got == items


def test_an_error_inside_a_property_is_told_as_it_is(flow_file) -> None:
    """Python hides an AttributeError in a property behind `__getattr__`."""
    output = flow_file(FOREACH_SOURCES.replace("SOURCE", "broken")).call("run", exit_code=1)
    assert "no artifact 'not_there'" in output


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_flow_may_be_started_from_another_file(flow_file, tmp_path, isolation) -> None:
    """`main.py` imports the flow and starts it; its classes keep the names under which they were pickled."""
    flow_file(CLASSES, "flows.py")
    main = flow_file("from flows import Classes\n\nif __name__ == '__main__':\n    Classes()\n", "main.py")
    run = main.run("--isolation", isolation)
    assert (run.data.same_class, run.data.x) == (True, 6)
    assert set(run.code) == {"flows.py", "main.py"}
