"""Every fault, by a flow that has it and says in which line it is to be shown."""

import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph import (
    Fault,
    FlowGraph,
    InvalidFlowError,
    InvalidNodeError,
    Kind,
    Node,
    check_graph,
    check_nested_foreach,
    parse_flow,
)
from flowstone_graph.testing import Scenario, graphs, run_scenario

FAULTY = dict(
    section.split("\n", 1)
    for section in (Path(__file__).parent / "faulty_flows.txt").read_text(encoding="utf-8").split("\n===== ")[1:]
)
"""Flows by what is wrong with them."""


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
    assert str(first).endswith(":4: step 'start': there is no step 'tarin'; did you mean self.train?")


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
    """No flow that the check lets through may hang, lose a branch or crash a scheduler; none crashes the check."""
    nodes = broken(data, graph)
    if check_graph(nodes, graph.start, graph.end):
        with pytest.raises(InvalidFlowError):
            FlowGraph("Broken", tuple(nodes), graph.start, graph.end)
        return
    sound = FlowGraph("Sound", tuple(nodes), graph.start, graph.end)
    counts = {node.name: (2,) for node in sound}
    rounds = {node.name: (int(node.name in node.targets),) for node in sound}
    exits = {node.name: tuple(name for name in node.targets if name != node.name) for node in sound}
    tasks = run_scenario(Scenario(sound, counts, rounds, exits))
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
