"""Every fault, by a flow that has it. The mark `#! code` stands in the line in which it is to be shown."""

import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph import (
    Fault,
    FlowGraph,
    InvalidFlowError,
    Kind,
    Node,
    check_graph,
    check_nested_foreach,
    parse_flow,
)

FAULTY = {
    "no steps": """
class Flow(FlowSpec):
    def start(self):
        pass
""",
    "neither start nor end": """
class Flow(FlowSpec):  #! no-start no-end
    @step
    def first(self):
        self.next(self.last)
    @step
    def last(self):
        pass
""",
    "two starts, two ends": """
class Flow(FlowSpec):
    @step(start=True)
    def one(self):
        self.next(self.last)
    @step(start=True)
    def two(self):  #! several-starts
        self.next(self.last)
    @step(end=True)
    def last(self):
        pass
    @step(end=True)
    def least(self):  #! several-ends
        pass
""",
    "marks against names": """
class Flow(FlowSpec):
    @step(start=True)
    def first(self):
        self.next(self.start)
    @step
    def start(self):  #! ambiguous-start
        self.next(self.end)
    @step
    def end(self):  #! ambiguous-end
        self.next(self.last)
    @step(end=True)
    def last(self):
        pass
""",
    "names": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.input)
    @step
    def input(self):  #! reserved-name
        self.next(self.Fit)
    @step
    def Fit(self):  #! step-name
        self.next(self._hidden)
    @step
    def _hidden(self):  #! step-name
        self.next(self.merge_artifacts)
    @step
    def merge_artifacts(self):  #! reserved-name
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "ends that join": """
class Flow(FlowSpec):
    @step
    def start(self, inputs):
        self.next(self.a, foreach="items")  #! join-splits
    @step
    def a(self):
        self.next(self.end)
    @step
    def end(self, inputs):  #! end-is-join
        pass
""",
    "a start that joins": """
class Flow(FlowSpec):
    @step
    def start(self, inputs):  #! start-is-join
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "ways into the start and out of the end": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a)
    @step
    def a(self):
        self.next({1: self.start, 2: self.end}, condition="way")  #! start-is-target
    @step
    def end(self):
        self.next(self.a)  #! end-has-next
""",
    "arguments": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a)
    @step
    def a():  #! missing-self
        pass
    @step
    def b(self, inputs, more):  #! too-many-arguments
        self.next(self.c)
    @step
    def c(self, *inputs):  #! step-arguments
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "functions that are none": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a)
    @step
    async def a(self):  #! async-step
        self.next(self.b)
    @step
    def b(self):  #! generator-step
        yield 1
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "no next": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)
    @step
    def a(self):  #! missing-next
        self.x = 1
    @step
    def b(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "next in the wrong place": """
class Flow(FlowSpec):
    @step
    def start(self):
        if self.x:
            self.next(self.a)
        else:
            self.next(self.b)  #! several-nexts
    @step
    def a(self):
        for _ in range(3):
            self.next(self.b)  #! nested-next
    @step
    def b(self):
        self.next(self.c)  #! next-not-last
        self.x = 1
    @step
    def c(self):
        return self.next(self.d)  #! next-not-statement
    @step
    def d(self):
        with open("x") as file:
            def go():
                self.next(self.end)  #! nested-next
            go()
    @step
    def end(self):
        pass
""",
    "targets": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next("a")  #! target-string
    @step
    def a(self):
        self.next(b)  #! target-not-step
    @step
    def b(self):
        self.next(self.c, self.c)  #! duplicate-target
    @step
    def c(self):
        self.next()  #! no-target
    @step
    def d(self):
        self.next(*self.steps)  #! target-not-step
    @step
    def end(self):
        pass
""",
    "options": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach=self.items)  #! foreach-not-literal
    @step
    def a(self):
        self.next(self.b, self.c, foreach="items")  #! foreach-several-targets
    @step
    def b(self):
        self.next(self.c, foreach="items", num_parallel=2)  #! foreach-and-parallel
    @step
    def c(self):
        self.next(self.d, for_each="items")  #! unknown-option
    @step
    def d(self):
        self.next(self.end, **self.options)  #! unknown-option
    @step
    def end(self):
        pass
""",
    "switches as written": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next({1: self.a, 2: self.b})  #! cases-without-condition
    @step
    def a(self):
        self.next(self.b, condition="way")  #! condition-without-cases
    @step
    def b(self):
        self.next({1: self.c, 2: self.d}, condition=way)  #! condition-not-literal
    @step
    def c(self):
        self.next({}, condition="way")  #! no-cases
    @step
    def d(self):
        self.next({1: self.e, 2: self.f}, condition="way", foreach="items")  #! switch-and-more
    @step
    def e(self):
        self.next({1: self.f, way(): self.g}, condition="way")  #! case-not-constant
    @step
    def f(self):
        self.next({1: self.g, True: self.end}, condition="way")  #! duplicate-case
    @step
    def g(self):
        self.next({**self.cases, (1, 2): self.end}, condition="way")  #! case-not-constant case-not-constant
    @step
    def end(self):
        pass
""",
    "switches that choose nothing": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next({1: self.a, 2: self.a}, condition="way")  #! switch-without-choice
    @step
    def a(self):
        self.next({1: self.a, 2: self.a}, condition="way")  #! endless-loop
    @step
    def end(self):
        pass
""",
    "steps as artifacts": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach="end")  #! foreach-over-step
    @step
    def a(self):
        self.next({1: self.b, 2: self.c}, condition="b")  #! condition-is-step
    @step
    def b(self):
        self.next(self.c)
    @step
    def c(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "unknown targets": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.tarin)  #! unknown-target
    @step
    def train(self):
        self.next(self.nowhere_at_all)  #! unknown-target
    @step
    def end(self):
        pass
""",
    "a misspelling hides no stray": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.tarin)  #! unknown-target
    @step
    def train(self):
        self.next(self.end)
    @step
    def stray(self):  #! unreachable
        self.next(self.follower)
    @step
    def follower(self):
        self.next(self.end)
    @step
    def island(self):  #! unreachable
        self.next(self.peninsula)
    @step
    def peninsula(self):
        self.next(self.island)
    @step
    def end(self):
        pass
""",
    "cycles": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a)
    @step
    def a(self):
        self.next(self.b)
    @step
    def b(self):
        self.next({1: self.a, 2: self.c}, condition="way")  #! cycle
    @step
    def c(self):
        self.next(self.c)  #! cycle
    @step
    def end(self):
        pass
""",
    "a split that nothing joins": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach="items")
    @step
    def a(self):
        self.next(self.end)
    @step
    def end(self):  #! unjoined-split
        pass
""",
    "branches that meet in a step that is no join": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)
    @step
    def a(self):
        self.next(self.c)
    @step
    def b(self):
        self.next(self.c)
    @step
    def c(self):  #! missing-join
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "a join of nothing": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.join)
    @step
    def join(self, inputs):  #! join-without-split
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "a join of some branches": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b, self.c)
    @step
    def a(self):
        self.next(self.some)
    @step
    def b(self):
        self.next(self.some)
    @step
    def c(self):
        self.next(self.rest)
    @step
    def some(self, inputs):  #! incomplete-join
        self.next(self.rest)
    @step
    def rest(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "a diamond": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)
    @step
    def a(self):
        self.next(self.c, self.d)
    @step
    def b(self):
        self.next(self.d)
    @step
    def c(self):
        self.next(self.join)
    @step
    def d(self, inputs):  #! cross-join
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "two joins of one split": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach="items")
    @step
    def a(self):
        self.next({1: self.b, 2: self.c}, condition="way")
    @step
    def b(self):
        self.next(self.one)
    @step
    def c(self):
        self.next(self.two)
    @step
    def one(self, inputs):
        self.next(self.end)
    @step
    def two(self, inputs):  #! several-joins
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "branches without a step": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.join, foreach="items")  #! empty-branch
    @step
    def join(self, inputs):
        self.next(self.a, self.other_join)  #! join-splits
    @step
    def a(self):
        self.next(self.other_join)
    @step
    def other_join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "a static branch without a step": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.join)  #! empty-branch
    @step
    def a(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "a switch that leads to a join": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach="items")
    @step
    def a(self):
        self.next({1: self.b, 2: self.join}, condition="way")  #! switch-to-join
    @step
    def b(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "parallel steps": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, num_parallel=2)  #! parallel-undecorated
    @step
    def a(self):
        self.next(self.b)  #! parallel-not-joined
    @parallel
    @step
    def b(self):  #! parallel-not-entered
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
""",
    "faults that have nothing to do with each other": """
class Flow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)
    @step
    def a(self):
        self.next("join")  #! target-string
    @step
    def b(self):  #! generator-step
        yield
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.name)
    @step
    def name(self):  #! reserved-name
        self.next(self.c, foreach="items")
    @step
    def c(self):
        self.next(self.end)
    @step
    def end(self):  #! unjoined-split
        pass
""",
}


def faults_of(flow: type) -> tuple[Fault, ...]:
    with pytest.raises(InvalidFlowError) as caught:
        parse_flow(flow)
    return caught.value.faults


def marked(source: str) -> list[tuple[str, int]]:
    return [
        (code, number)
        for number, line in enumerate(source.splitlines(), 1)
        for code in (line.split("#!")[1].split() if "#!" in line else [])
    ]


@pytest.mark.parametrize("case", [case for case in FAULTY if case != "no steps"])
def test_each_fault_is_reported_once_and_where_it_is(case, load):
    """All of them at once, and no consequences: people repair what they are shown."""
    faults = faults_of(load(FAULTY[case])["Flow"])
    assert sorted((fault.code, fault.line) for fault in faults) == sorted(marked(FAULTY[case]))
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)


def test_a_class_without_steps_is_no_flow(load):
    """A forgotten @step must not look like an empty success."""
    assert [fault.code for fault in faults_of(load(FAULTY["no steps"])["Flow"])] == ["no-steps"]


def test_every_code_in_the_source_has_a_flow_here():
    """A check that nothing triggers may as well never work."""
    from importlib.resources import files

    source = "".join(path.read_text() for path in files("flowstone_graph").iterdir() if path.name.endswith(".py"))
    pattern = r"(?:fault_of_\w+|Fault|Complaint|_complain)\(\s*(f?)\"([a-z{}_-]+)\""
    found = {code for _, code in re.findall(pattern, source)} | set(
        re.findall(r'code, what = "([a-z-]+)"', source)
    )
    codes = {
        code.replace("{role}", role).replace("{option}", option)
        for code in found
        for role in ("start", "end")
        for option in ("foreach", "condition")
    }
    elsewhere = {"missing-next", "no-source", "no-steps", "nested-foreach"}
    assert len(codes) > 40
    assert codes - elsewhere <= {code for source in FAULTY.values() for code, _ in marked(source)}


def test_a_fault_says_where_what_and_what_to_do(load):
    """It is all that people see of a mistake: one line, no traceback."""
    source = FAULTY["unknown targets"]
    first, _ = faults_of(load(source)["Flow"])
    assert str(first).startswith(first.file)
    assert str(first).endswith(":5: step 'start': there is no step 'tarin'; did you mean self.train?")


def test_an_invalid_flow_names_itself_and_every_fault(load):
    """So that one attempt shows all there is to repair."""
    with pytest.raises(InvalidFlowError) as caught:
        parse_flow(load(FAULTY["options"])["Flow"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "the flow Flow has 5 faults:"
    assert len(lines) == 6


def test_a_diamond_is_called_unsupported(load):
    """Nobody should search for the right way to write what cannot be written."""
    (fault,) = faults_of(load(FAULTY["a diamond"])["Flow"])
    assert "not supported" in fault.advice
    assert "'a' brings one of 'a', 'b' brings one of 'start'" in fault.what


def test_advice_on_nested_nexts_is_the_switch(load):
    """An if around self.next is the most natural mistake, and the switch is its answer."""
    for fault in faults_of(load(FAULTY["next in the wrong place"])["Flow"]):
        assert "condition=" in fault.advice


def test_nodes_can_be_checked_without_a_class():
    """Generated flows have no source, and deserve the same report."""
    nodes = (Node("start", Kind.LINEAR, ("ned",)), Node("end", Kind.LINEAR))
    (fault,) = check_graph(nodes, "start", "end")
    assert fault.code == "unknown-target"
    assert str(fault) == "step 'start': there is no step 'ned'; did you mean self.end?"


def test_nested_foreach_is_a_fault_for_schedulers_that_ask():
    """Some schedulers cannot nest them; flowstone can, so it is no fault of the flow."""
    nodes = (
        Node("start", Kind.FOREACH, ("a",), foreach="xs"),
        Node("a", Kind.FOREACH, ("b",), foreach="ys"),
        Node("b", Kind.LINEAR, ("inner",)),
        Node("inner", Kind.JOIN, ("outer",)),
        Node("outer", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    )
    (fault,) = check_nested_foreach(FlowGraph("Nested", nodes, "start", "end"))
    assert (fault.code, fault.step) == ("nested-foreach", "a")


def broken(data: st.DataObject, graph: FlowGraph) -> list[Node]:
    """The nodes of a graph with one to three of them changed at random."""
    nodes = {node.name: node for node in graph}
    for _ in range(data.draw(st.integers(1, 3))):
        node = nodes[data.draw(st.sampled_from(sorted(nodes)))]
        targets = data.draw(st.lists(st.sampled_from([*nodes, "nowhere"]), max_size=3, unique=True))
        kind = data.draw(st.sampled_from([Kind.LINEAR, Kind.SPLIT, Kind.JOIN, Kind.FOREACH, Kind.SWITCH]))
        is_switch = kind is Kind.SWITCH
        try:
            nodes[node.name] = attrs.evolve(
                node,
                kind=kind,
                targets=tuple(targets),
                foreach="items" if kind is Kind.FOREACH else None,
                num_parallel=False,
                condition="way" if is_switch else None,
                cases=tuple(enumerate(targets)) if is_switch else (),
            )
        except InvalidNodeError:
            continue
    return list(nodes.values())


@given(graph=graphs(max_depth=2), data=st.data())
def test_whatever_passes_the_check_can_be_run_to_its_end(graph, data):
    """No flow that the check lets through may hang, lose a branch or crash the scheduler; none crashes the check."""
    nodes = broken(data, graph)
    if check_graph(nodes, graph.start, graph.end):
        with pytest.raises(InvalidFlowError):
            FlowGraph("Broken", tuple(nodes), graph.start, graph.end)
        return
    sound = FlowGraph("Sound", tuple(nodes), graph.start, graph.end)
    counts = {node.name: (2,) for node in sound}
    exits = {node.name: tuple(name for name in node.targets if name != node.name) for node in sound}
    tasks = run_scenario(
        Scenario(sound, counts, {node.name: (1,) if node.name in node.targets else (0,) for node in sound}, exits)
    )
    assert tasks[-1].key.step == sound.end


@given(graph=graphs(max_depth=2), data=st.data())
def test_no_fault_is_reported_twice(graph, data):
    """One mistake, one line."""
    faults = check_graph(broken(data, graph), graph.start, graph.end)
    assert len({(fault.code, fault.step, fault.what) for fault in faults}) == len(faults)


@given(graph=graphs(), data=st.data())
def test_one_unknown_target_is_one_fault(graph, data):
    """Whatever else becomes unreachable or unjoined is a consequence."""
    node = data.draw(st.sampled_from([node for node in graph if node.targets] or [graph[graph.start]]))
    if node.kind in {Kind.LINEAR, Kind.JOIN} and node.targets:
        nodes = [attrs.evolve(other, targets=("???",)) if other is node else other for other in graph]
        assert [fault.code for fault in check_graph(nodes, graph.start, graph.end)] == ["unknown-target"]
