"""The kit for plugin writers reaches every corner, and what it writes really runs."""

from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from flowstone_graph import Execution, FlowGraph, Kind, Task, Transition, parse_flow
from flowstone_graph.testing import flow_source, graphs, run_scenario, scenarios

QUICK = settings(max_examples=5000, derandomize=True, database=None, phases=[Phase.generate])
"""For looking whether there is an example, without making it small."""


def is_nested(graph: FlowGraph, outer: Kind, inner: Kind) -> bool:
    """True if an inner step stands inside of an outer one."""
    return any(
        node.kind is inner and any(graph[split].kind is outer for split in graph.split_stack(node.name))
        for node in graph
    )


CORNERS = {
    "a single step": lambda graph: len(graph) == 1,
    "foreach in foreach": lambda graph: is_nested(graph, Kind.FOREACH, Kind.FOREACH),
    "foreach in split": lambda graph: is_nested(graph, Kind.SPLIT, Kind.FOREACH),
    "split in foreach": lambda graph: is_nested(graph, Kind.FOREACH, Kind.SPLIT),
    "switch in foreach": lambda graph: is_nested(graph, Kind.FOREACH, Kind.SWITCH),
    "switch in split": lambda graph: is_nested(graph, Kind.SPLIT, Kind.SWITCH),
    "a loop": lambda graph: any(node.name in node.targets for node in graph),
    "a loop at the start": lambda graph: graph.start in graph[graph.start].targets,
    "num_parallel": lambda graph: any(node.num_parallel for node in graph),
    "other names of ends": lambda graph: (graph.start, graph.end) == ("load", "publish"),
    "another order of declaration": lambda graph: graph.nodes[0].name != graph.start and len(graph) > 2,
}


@pytest.mark.parametrize("corner", CORNERS)
def test_graphs_reach_every_corner(corner):
    """A strategy that never draws a shape tests nothing about it."""
    find(graphs(), CORNERS[corner], settings=QUICK)


@given(graphs(with_switch=False, with_parallel=False, max_depth=1))
def test_graphs_leave_out_what_they_are_told_to(graph):
    """A scheduler without switches tests what it has."""
    assert all(node.kind is not Kind.SWITCH and not node.num_parallel for node in graph)
    assert all(len(graph.split_stack(node.name)) <= 1 for node in graph)


def test_scenarios_reach_loops_and_empty_foreach():
    """Zero items, one, many; zero rounds, many."""
    for count in (0, 1, 3):
        found = find(
            scenarios(), lambda scenario, count=count: (count,) in scenario.counts.values(), settings=QUICK
        )
        run_scenario(found)
    found = find(
        scenarios(), lambda scenario: any(sum(rounds) > 2 for rounds in scenario.rounds.values()), settings=QUICK
    )
    run_scenario(found)
    with pytest.raises(NoSuchExample):
        find(
            scenarios(),
            lambda scenario: any(
                scenario.graph[step].num_parallel and 0 in counts for step, counts in scenario.counts.items()
            ),
            settings=settings(QUICK, max_examples=200),
        )


class RunningFlow:
    """A stand-in for a flow's instance in one task: keeps artifacts, and what `next` was called with."""

    def __init__(self, flow: type, task: Task, artifacts: dict[str, Any]) -> None:
        vars(self).update(artifacts)
        self._flow, self._task, self._next = flow, task, None

    def __getattr__(self, name: str) -> Any:
        if name in dir(self._flow):
            return name
        raise AttributeError(name)

    def foreach_stack(self) -> list[tuple[int, int, Any]]:
        return [(frame.index, frame.count, None) for frame in self._task.stack]

    def next(self, *targets: Any, foreach: Any = None, num_parallel: Any = None, condition: Any = None) -> None:
        if condition is not None:
            self._next = Transition((targets[0][getattr(self, condition)],))
        elif foreach is not None:
            self._next = Transition(targets, len(getattr(self, foreach)))
        else:
            self._next = Transition(targets, num_parallel)


def execute(flow: type) -> list[Task]:
    """Run a flow by calling its steps: the smallest scheduler there can be."""
    execution = Execution(parse_flow(flow))
    running, finished, artifacts = [execution.start()], [], {}
    while running:
        task = running.pop()
        is_join = execution._graph[task.key.step].kind is Kind.JOIN
        instance = RunningFlow(flow, task, {} if is_join or not task.parents else artifacts[task.parents[0]])
        getattr(flow, task.key.step)(instance, *([None] if is_join else []))
        state = vars(instance)
        artifacts[task.key] = {
            name: value for name, value in state.items() if name not in {"_flow", "_task", "_next"}
        }
        finished.append(task)
        running += execution.finish(task.key, state["_next"] or Transition())
    return finished


@given(scenario=scenarios(with_expressions=False, max_depth=2))
def test_the_source_of_a_scenario_runs_as_the_scenario_says(load, scenario):
    """The same random flows can be given to a real scheduler, from a file."""
    names = load(flow_source(scenario.graph, header="", body=scenario.statements))
    assert parse_flow(names["Generated"]) == scenario.graph
    assert set(execute(names["Generated"])) == set(run_scenario(scenario))
