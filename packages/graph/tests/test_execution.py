"""What a graph means: every task once, after its parents, whatever finishes first."""

import sys
from collections import Counter

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowstone_graph import (
    Execution,
    FlowGraph,
    ForeachFrame,
    InvalidTransitionError,
    Kind,
    Node,
    Task,
    TaskKey,
    Transition,
    UnknownTaskError,
)
from flowstone_graph.testing import Scenario, run_scenario, scenarios


def expand(scenario: Scenario) -> list[Task]:
    """All tasks of a scenario, by walking it depth first: the naive reading that `Execution` must agree with."""
    found: list[Task] = []

    def walk(step: str, stack: tuple, parents: tuple, iteration: int = 0) -> tuple[str, TaskKey] | None:
        """Run from a task on until the branch ends; the join that it comes to, and from which task."""
        task = Task(TaskKey(step, tuple(frame.index for frame in stack), iteration), stack, parents)
        found.append(task)
        node, transition = scenario.graph[step], scenario.transition(task)
        if not transition.targets:
            return None
        if node.kind in {Kind.SPLIT, Kind.FOREACH}:
            if node.kind is Kind.SPLIT:
                ends = [walk(target, stack, (task.key,)) for target in node.targets]
            else:
                ends = [
                    walk(node.targets[0], (*stack, ForeachFrame(step, index, transition.count)), (task.key,))
                    for index in range(transition.count)
                ]
            join = scenario.graph.matching_join(step)
            assert {name for name, _ in ends} <= {join}
            return walk(join, stack, tuple(key for _, key in ends))
        (target,) = transition.targets
        if scenario.graph[target].kind is Kind.JOIN:
            return target, task.key
        return walk(target, stack, (task.key,), iteration + 1 if target == step else 0)

    assert walk(scenario.graph.start, (), ()) is None
    return found


def linear(*names: str) -> tuple[Node, ...]:
    """Steps that follow each other."""
    return tuple(Node(name, Kind.LINEAR, names[i + 1 : i + 2]) for i, name in enumerate(names))


def nest_of_foreach(depth: int) -> FlowGraph:
    """`depth` levels of foreach around one step."""
    names = [f"each{level}" for level in range(depth)]
    nodes = [
        Node(name, Kind.FOREACH, (target,), foreach="items")
        for name, target in zip(names, [*names[1:], "work"], strict=True)
    ]
    joins = [f"join{level}" for level in range(depth)][::-1]
    nodes.append(Node("work", Kind.LINEAR, (joins[0],)))
    nodes += [Node(name, Kind.JOIN, (target,)) for name, target in zip(joins, [*joins[1:], "end"], strict=True)]
    return FlowGraph("Nest", (*nodes, Node("end", Kind.LINEAR)), "each0", "end")


def run(graph: FlowGraph, count: int) -> list[Task]:
    """All tasks, every foreach having `count` items."""
    counts = {node.name: (count,) for node in graph if node.kind is Kind.FOREACH}
    return run_scenario(Scenario(graph, counts, {}, {}))


@given(scenario=scenarios(), data=st.data())
def test_no_task_starts_before_its_parents_finish(scenario, data):
    """The one thing that every scheduler promises."""
    finished = set()
    for task in run_scenario(scenario, lambda running: data.draw(st.integers(0, running - 1))):
        assert finished.issuperset(task.parents)
        finished.add(task.key)


@given(scenario=scenarios(), data=st.data())
def test_tasks_do_not_depend_on_the_order_of_finishing(scenario, data):
    """Neither which tasks there are, nor their stacks, nor the order of a join's inputs."""
    picked = run_scenario(scenario, lambda running: data.draw(st.integers(0, running - 1)))
    last_first = run_scenario(scenario, lambda running: running - 1)
    assert set(picked) == set(last_first) == set(run_scenario(scenario))


@given(scenario=scenarios())
def test_execution_agrees_with_a_naive_walk_of_the_graph(scenario):
    """An independent reading of what a flow means gives the same tasks, stacks and parents."""
    assert Counter(run_scenario(scenario)) == Counter(expand(scenario))


@given(scenario=scenarios())
def test_every_task_runs_once_and_the_last_step_last(scenario):
    """A key is the name of one task, in the journal and on disk."""
    tasks = run_scenario(scenario)
    assert len({task.key for task in tasks}) == len(tasks)
    assert len({(task.key.step, task.key.id) for task in tasks}) == len(tasks)
    assert tasks[-1].key == TaskKey(scenario.graph.end)


@given(scenario=scenarios())
def test_joins_see_exactly_their_siblings_in_order(scenario):
    """Random join order is what makes results differ from run to run."""
    graph = scenario.graph
    by_key = {task.key: task for task in run_scenario(scenario)}
    for task in by_key.values():
        if graph[task.key.step].kind is not Kind.JOIN:
            assert len(task.parents) == (task.key.step != graph.start or task.key.iteration > 0)
            continue
        split = graph[graph.matching_split(task.key.step)]
        parents = [by_key[parent] for parent in task.parents]
        if split.kind is Kind.FOREACH:
            assert [parent.stack[:-1] for parent in parents] == [task.stack] * len(parents)
            frames = [ForeachFrame(split.name, index, len(parents)) for index in range(len(parents))]
            assert [parent.stack[-1] for parent in parents] == frames
            count = scenario.transition(Task(TaskKey(split.name, task.key.indices))).count
            assert len(parents) == count
        else:
            assert [parent.stack for parent in parents] == [task.stack] * len(split.targets)
            assert [graph.branch_index(parent.key.step) for parent in parents] == [*range(len(split.targets))]


@given(scenario=scenarios())
def test_stacks_follow_from_the_graph(scenario):
    """The indices of a key, the frames of a stack and the splits around a step are one thing."""
    for task in run_scenario(scenario):
        assert tuple(frame.index for frame in task.stack) == task.key.indices
        assert tuple(frame.step for frame in task.stack) == scenario.graph.foreach_stack(task.key.step)
        assert all(0 <= frame.index < frame.count for frame in task.stack)


@given(scenario=scenarios())
def test_tasks_follow_the_edges_of_the_graph(scenario):
    """Parents are predecessors, as networkx sees them; every step that ran can be reached."""
    directed = scenario.graph.to_networkx()
    reachable = nx.descendants(directed, scenario.graph.start) | {scenario.graph.start}
    for task in run_scenario(scenario):
        assert task.key.step in reachable
        assert {parent.step for parent in task.parents} <= set(directed.predecessors(task.key.step))


@given(scenario=scenarios())
def test_nothing_is_kept_when_a_run_is_over(scenario):
    """A scheduler may live long; memory is freed as joins fire."""
    execution = Execution(scenario.graph)
    running = [execution.start()]
    while running:
        task = running.pop()
        running += execution.finish(task.key, scenario.transition(task))
        assert len(execution.running) == len(running)
    assert execution.is_finished
    assert not execution._waiting


@given(scenario=scenarios(), data=st.data())
def test_an_impossible_transition_changes_nothing(scenario, data):
    """A task that reports nonsense can be asked again."""
    execution = Execution(scenario.graph)
    running = [execution.start()]
    for _ in range(data.draw(st.integers(0, 10))):
        if len(running) == 0:
            break
        task = running.pop()
        running += execution.finish(task.key, scenario.transition(task))
    assume(running)
    before = execution.running
    task = running[-1]
    good = scenario.transition(task)
    wrong = [
        Transition(("no_such_step",), good.count),
        Transition((*good.targets, "end"), good.count),
        Transition(good.targets, -1),
        Transition(good.targets, 3 if good.count is None else None),
    ]
    for transition in wrong:
        with pytest.raises(InvalidTransitionError, match="its step leads to"):
            execution.finish(task.key, transition)
    assert execution.running == before
    execution.finish(task.key, good)


def test_only_running_tasks_finish():
    """A task reported twice would run its followers twice."""
    execution = Execution(FlowGraph("Two", linear("start", "end"), "start", "end"))
    with pytest.raises(UnknownTaskError, match="start/0 is not running"):
        execution.finish(TaskKey("start"), Transition(("end",)))
    first = execution.start()
    execution.finish(first.key, Transition(("end",)))
    with pytest.raises(UnknownTaskError):
        execution.finish(first.key, Transition(("end",)))
    assert not execution.is_finished


def test_an_execution_starts_once():
    """Two first tasks would be two runs."""
    execution = Execution(FlowGraph("Two", linear("start", "end"), "start", "end"))
    execution.start()
    with pytest.raises(RuntimeError, match="starts once"):
        execution.start()


def test_a_foreach_over_nothing_goes_straight_to_its_join():
    """An empty list is an ordinary list; what is nested inside never runs."""
    tasks = run(nest_of_foreach(3), 0)
    assert [str(task.key) for task in tasks] == ["each0/0", "join0/0", "end/0"]
    assert tasks[1].parents == ()


def test_an_empty_foreach_inside_another_counts_as_done():
    """One group without members must not hold up the others."""
    graph = nest_of_foreach(2)
    scenario = Scenario(graph, {"each0": (3,), "each1": (2, 0, 1)}, {}, {})
    tasks = {str(task.key): task for task in run_scenario(scenario)}
    assert [str(key) for key in tasks["join0/0"].parents] == ["join1/0", "join1/1", "join1/2"]
    assert [len(tasks[f"join1/{index}"].parents) for index in range(3)] == [2, 0, 1]


def test_a_loop_counts_its_iterations_and_leaving_resets_them():
    """Each round is a task of its own, with the round before as its parent; inside a foreach too."""
    nodes = (
        Node("start", Kind.FOREACH, ("loop",), foreach="items"),
        Node("loop", Kind.SWITCH, ("loop", "out"), condition="again", cases=((True, "loop"), (False, "out"))),
        Node("out", Kind.LINEAR, ("join",)),
        Node("join", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    )
    scenario = Scenario(
        FlowGraph("Loop", nodes, "start", "end"), {"start": (2,)}, {"loop": (2, 0)}, {"loop": ("out",)}
    )
    tasks = {str(task.key): task for task in run_scenario(scenario)}
    names = {"start/0", "loop/0", "loop/0.1", "loop/0.2", "out/0", "loop/1", "out/1", "join/0", "end/0"}
    assert set(tasks) == names
    assert tasks["loop/0.2"].parents == (TaskKey("loop", (0,), 1),)
    assert tasks["out/0"].parents == (TaskKey("loop", (0,), 2),)
    assert tasks["join/0"].parents == (TaskKey("out", (0,)), TaskKey("out", (1,)))


def test_a_static_join_keeps_the_order_of_declaration():
    """inputs[0] is the first branch of the split, even if it finishes last."""
    nodes = (
        Node("start", Kind.SPLIT, ("z", "a")),
        *(Node(name, Kind.LINEAR, ("join",)) for name in ("a", "z")),
        Node("join", Kind.JOIN, ("end",)),
        Node("end", Kind.LINEAR),
    )
    scenario = Scenario(FlowGraph("Order", nodes, "start", "end"), {}, {}, {})
    for pick in (lambda _: 0, lambda running: running - 1):
        join = next(task for task in run_scenario(scenario, pick) if task.key.step == "join")
        assert [parent.step for parent in join.parents] == ["z", "a"]


def test_ten_thousand_items_make_ten_thousand_tasks_in_order():
    """The join's inputs are in the order of the items."""
    tasks = run(nest_of_foreach(1), 10_000)
    assert len(tasks) == 10_003
    join = next(task for task in tasks if task.key.step == "join0")
    assert [parent.indices[0] for parent in join.parents] == list(range(10_000))


def test_a_nest_of_four_levels_keeps_its_indices():
    """10 x 10 x 10 x 10 tasks, each named by its place."""
    tasks = run(nest_of_foreach(4), 10)
    work = [task for task in tasks if task.key.step == "work"]
    assert len(work) == 10_000
    assert {task.key.id for task in work} == {
        f"{n // 1000}-{n // 100 % 10}-{n // 10 % 10}-{n % 10}" for n in range(10_000)
    }
    assert len(tasks) == 10_000 + 2 * 1111 + 1


def calls_of(function) -> int:
    """How many Python and C functions are called: the work, counted and not timed."""
    calls = 0

    def count(_frame, event, _argument) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("depth", [1, 2])
def test_work_grows_with_the_number_of_tasks_and_no_faster(depth):
    """Ten times the items, ten times the work: a quadratic scheduler is the death of wide runs."""
    graph = nest_of_foreach(depth)
    width = 1000 if depth == 1 else 30
    few, many = len(run(graph, width)), len(run(graph, width * 3))
    ratio = calls_of(lambda: run(graph, width * 3)) / calls_of(lambda: run(graph, width))
    assert ratio < 1.1 * many / few
