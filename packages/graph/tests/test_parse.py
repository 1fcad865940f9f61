"""A class's source becomes its graph, however it is written and wherever it comes from."""

import functools
import linecache
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given

from flowstone_graph import CaseExpression, FlowGraph, InvalidFlowError, Kind, parse_flow
from flowstone_graph.testing import flow_source, graphs

ALL_FORMS = '''
class Train(FlowSpec):
    """Trains one model per country.

    The best wins.
    """

    countries = ["FI", "US"]

    @step
    def start(self):
        """Choose the
        countries.

        All of them.
        """
        self.next(self.each, self.way)

    @step
    def each(self):
        self.next(self.fit, foreach="countries")

    @step
    def fit(this, /):
        this.next(this.join_fits)

    @step
    def join_fits(self, inputs):
        self.next(self.both)

    @step
    def way(flow):
        flow.next(
            {"x": flow.way, -1: flow.cluster, flow.config.mode: flow.direct, flow.config["m"]: flow.direct},
            condition="key",
        )

    @step
    def cluster(self):
        self.next(self.worker, num_parallel=self.nodes * 2, foreach=None)

    @parallel
    @step
    def worker(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.direct)

    @step
    def direct(self):
        self.next(self.both)

    @step
    def both(self, branches):
        self.next(self.end)

    def helper(self):
        self.next(1, 2, 3)

    @step
    def end(self):
        "Done."
'''


@pytest.fixture(scope="module")
def train(load) -> FlowGraph:
    return parse_flow(load(ALL_FORMS)["Train"])


def test_steps_stand_in_the_order_of_declaration(train):
    """People find their flow again as they wrote it; methods that are no steps are no steps."""
    names = ["start", "each", "fit", "join_fits", "way", "cluster", "worker", "gather", "direct", "both", "end"]
    assert [node.name for node in train] == names
    assert (train.name, train.start, train.end) == ("Train", "start", "end")


def test_every_form_of_next_is_understood(train):
    """There are five ways on, and joins."""
    assert (train["start"].kind, train["start"].targets) == (Kind.SPLIT, ("each", "way"))
    assert (train["each"].kind, train["each"].foreach) == (Kind.FOREACH, "countries")
    assert (train["fit"].kind, train["fit"].targets) == (Kind.LINEAR, ("join_fits",))
    assert (train["cluster"].kind, train["cluster"].num_parallel, train["cluster"].foreach) == (
        Kind.FOREACH,
        True,
        None,
    )
    assert (train["both"].kind, train["both"].targets) == (Kind.JOIN, ("end",))
    assert (train["end"].kind, train["end"].is_terminal) == (Kind.LINEAR, True)


def test_switch_keys_keep_their_types_and_expressions_their_text(train):
    """Schedulers compare keys with values, and evaluate expressions on a flow that they call self."""
    assert train["way"].condition == "key"
    assert train["way"].targets == ("way", "cluster", "direct")
    assert train["way"].cases == (
        ("x", "way"),
        (-1, "cluster"),
        (CaseExpression("self.config.mode"), "direct"),
        (CaseExpression("self.config['m']"), "direct"),
    )


def test_nodes_know_their_place_and_their_first_paragraph(train):
    """Errors point at lines, and drawings explain steps."""
    lines = ALL_FORMS.splitlines()
    assert lines[train["worker"].line - 1].strip() == "def worker(self):"
    assert lines[train["way"].next_line - 1].strip() == "flow.next("
    assert train["start"].doc == "Choose the countries."
    assert train.doc == "Trains one model per country.\n\nThe best wins."
    assert train.file == train["start"].file


def test_decorators_come_along_untouched(train):
    """Who runs the step needs them as they are."""
    assert [decorator.name for decorator in train["worker"].decorators] == ["parallel"]


def test_steps_are_inherited_across_files_and_may_be_overridden(load):
    """Teams share base flows: the base's steps come first, an override stays in its place."""
    base = load("""
class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.fit)
    @step
    def fit(self):
        self.next(self.end)
    @step
    def end(self):
        pass
""")["Base"]
    names = load("""
def derive(Base):
    class Derived(Base):
        @step
        def check(self):
            self.next(self.end)
        @step
        def fit(self):
            self.next(self.check)
    return Derived
""")
    graph = parse_flow(names["derive"](base))
    assert [node.name for node in graph] == ["start", "fit", "end", "check"]
    assert graph["fit"].targets == ("check",)
    assert graph["fit"].file != graph["start"].file
    assert parse_flow(base)["fit"].targets == ("end",)


def test_a_step_may_be_overridden_by_something_that_is_none(load):
    """What Python finds under the name is what counts."""
    names = load("""
class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.end)
    @step
    def extra(self):
        self.next(self.end)
    @step
    def end(self):
        pass

class Derived(Base):
    extra = None
""")
    assert "extra" not in parse_flow(names["Derived"])


def test_wrapped_steps_are_read_where_they_are_written(load):
    """Users decorate steps with functools.wraps, above @step and below."""

    def shout(function):
        @functools.wraps(function)
        def wrapper(*arguments, **options):
            return function(*arguments, **options)

        return wrapper

    source = """
def make(shout):
    class Flow(FlowSpec):
        @shout
        @step
        @shout
        def start(self):
            self.next(self.end)
        @step
        @shout
        def end(self): pass
    return Flow
"""
    graph = parse_flow(load(source)["make"](shout))
    assert graph["start"].targets == ("end",)
    assert graph["start"].line == 7


def test_classes_and_functions_inside_a_step_may_have_a_next_of_their_own(load):
    """Only what is called on the step's own first argument is a transition."""
    source = """
class Flow(FlowSpec):
    @step
    def start(self):
        class Counter:
            def __iter__(self): return self
            def __next__(self): return self.next()
        pick = lambda self: self.next()
        other = object()
        other.next()
        self.next(self.end)
    @step
    def end(self): pass
"""
    assert parse_flow(load(source)["Flow"])["start"].targets == ("end",)


def test_a_single_step_is_start_and_end_whatever_its_name(load):
    """The smallest flow needs no ceremony."""
    graph = parse_flow(load("class Flow(FlowSpec):\n    @step\n    def only(self): pass\n")["Flow"])
    assert (graph.start, graph.end, graph.order) == ("only", "only", ("only",))


def test_marks_decide_where_names_do_not(load):
    """Start and end may have any name."""
    source = """
class Flow(FlowSpec):
    @step(end=True)
    def publish(self): pass
    @step(start=True)
    def read(self):
        self.next(self.publish)
"""
    graph = parse_flow(load(source)["Flow"])
    assert (graph.start, graph.end) == ("read", "publish")


@given(graph=graphs())
def test_source_of_a_graph_parses_back_to_it(load, graph):
    """parse(write(g)) == g: nothing that a flow can say is misread."""
    names = load(flow_source(graph, header=""))
    assert parse_flow(names["Generated"]) == graph


@given(graph=graphs())
def test_parsing_needs_each_file_only_once(load, graph):
    """A flow of many steps is parsed in one go."""
    names = load(flow_source(graph, header=""))
    calls = []
    original = linecache.getlines
    try:
        linecache.getlines = lambda *arguments: calls.append(arguments) or original(*arguments)
        parse_flow(names["Generated"])
    finally:
        linecache.getlines = original
    assert len(calls) == 1


def test_a_source_that_cannot_be_had_is_one_fault(load):
    """Code from `exec` has no file; five steps of it are one problem."""
    names = load(ALL_FORMS)
    del linecache.cache[names["Train"].start.__code__.co_filename]
    with pytest.raises(InvalidFlowError) as caught:
        parse_flow(names["Train"])
    (fault,) = caught.value.faults
    assert fault.code == "no-source"
    assert "not available" in fault.what


@pytest.mark.parametrize(
    ("changed", "what"), [("class Train(:", "cannot be parsed"), ("# gone\n" * 99, "not in its file")]
)
def test_a_source_that_changed_since_import_is_one_fault(load, changed, what):
    """What runs and what is read must be the same."""
    names = load(ALL_FORMS)
    file = names["Train"].start.__code__.co_filename
    linecache.cache[file] = (0, None, changed.splitlines(keepends=True), file)
    with pytest.raises(InvalidFlowError) as caught:
        parse_flow(names["Train"])
    (fault,) = caught.value.faults
    assert fault.code == "no-source"
    assert what in fault.what


def test_a_missing_source_hides_no_fault_of_another_file(load):
    """Independent faults are all reported."""
    base = load("class Base(FlowSpec):\n    @step\n    def start(self): self.next(self.a)\n")["Base"]
    del linecache.cache[base.start.__code__.co_filename]
    derived = load(
        "def derive(Base):\n    class F(Base):\n        @step\n        async def end(self): pass\n    return F\n"
    )
    with pytest.raises(InvalidFlowError) as caught:
        parse_flow(derived["derive"](base))
    assert {fault.code for fault in caught.value.faults} == {"no-source", "async-step"}


def test_a_step_that_is_no_function_is_a_fault(load):
    """A callable object has no source to read."""

    class Callable:
        is_step = True

    with pytest.raises(InvalidFlowError, match="is no function"):
        parse_flow(type("Flow", (), {"start": Callable()}))


def test_flows_in_zip_archives_are_read(tmp_path):
    """Code packages are archives, and need no unpacking."""
    archive = tmp_path / "code.zip"
    source = "class step:\n    pass\ndef step(f):\n    f.is_step = True\n    return f\n"
    source += "class Flow:\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n"
    source += "    def end(self): pass\n"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_flow.py", source)
    program = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "from flowstone_graph import parse_flow; from zipped_flow import Flow\n"
        "print(parse_flow(Flow).order)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "('start', 'end')\n"
