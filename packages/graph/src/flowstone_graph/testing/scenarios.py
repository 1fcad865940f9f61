"""A graph together with every decision that its tasks will take, and what comes of it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

from flowstone_graph.edge_label import case_text
from flowstone_graph.execution import Execution
from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind, Node, Transition
from flowstone_graph.task import Task
from flowstone_graph.testing.graphs import graphs

_T = TypeVar("_T")


@attrs.frozen
class Scenario:
    """A graph and the decisions of its tasks.

    A task's turn is the sum of its foreach indices. It takes the decision of its
    step at its turn, counted round: siblings differ, and nothing depends on time
    or order.
    """

    graph: FlowGraph
    counts: Mapping[str, tuple[int, ...]]
    """By step, of every foreach: how many items."""
    rounds: Mapping[str, tuple[int, ...]]
    """By step, of every switch: how many times it repeats itself first; 0 for one that cannot."""
    exits: Mapping[str, tuple[str, ...]]
    """By step, of every switch: where it goes then."""

    def transition(self, task: Task) -> Transition:
        """Where this task goes when it finishes."""
        node = self.graph[task.key.step]
        turn = sum(task.key.indices)
        if node.kind is Kind.FOREACH:
            return Transition(node.targets, _at(self.counts[node.name], turn))
        if node.kind is Kind.SWITCH:
            is_repeated = task.key.iteration < _at(self.rounds[node.name], turn)
            return Transition((node.name if is_repeated else _at(self.exits[node.name], turn),))
        return Transition(node.targets)

    def statements(self, node: Node) -> list[str]:
        """Lines for the body of a step that make a real run decide the same: see `flow_source`.

        They need a flow whose `foreach_stack()` gives one tuple per level, index first. The keys of cases must
        differ when they are evaluated: `scenarios(with_expressions=False)` has none but constants.
        """
        turn = "turn = sum(frame[0] for frame in self.foreach_stack())"
        if node.kind is Kind.FOREACH:
            counts = self.counts[node.name]
            count = f"{counts!r}[turn % {len(counts)}]"
            artifact, value = (
                (f"count_{node.name}", count) if node.num_parallel else (node.foreach, f"[None] * {count}")
            )
            return [turn, f"self.{artifact} = {value}"]
        if node.kind is Kind.SWITCH:
            key_to = {target: case_text(key) for key, target in reversed(node.cases)}
            exits, rounds = self.exits[node.name], self.rounds[node.name]
            keys = "".join(f"{key_to[target]}, " for target in exits)
            lines = [turn, f"self.{node.condition} = ({keys})[turn % {len(exits)}]"]
            if node.name in node.targets:
                lines += [
                    f"done = getattr(self, 'rounds_{node.name}', 0)",
                    f"self.rounds_{node.name} = done + 1",
                    f"if done < {rounds!r}[turn % {len(rounds)}]:",
                    f"    self.{node.condition} = {key_to[node.name]}",
                ]
            return lines
        return []


@st.composite
def scenarios(draw: st.DrawFn, /, **options: Any) -> Scenario:
    """A random graph with random decisions: foreach over nothing, one item and more, all ways of a switch, loops.

    Takes the options of `graphs`.
    """
    graph = draw(graphs(**options))
    counts, rounds, exits = {}, {}, {}
    for node in graph:
        if node.kind is Kind.FOREACH:
            fewest = 1 if node.num_parallel else 0
            counts[node.name] = tuple(draw(st.lists(st.integers(fewest, 3), min_size=1, max_size=3)))
        elif node.kind is Kind.SWITCH:
            most = 3 if node.name in node.targets else 0
            ways = st.sampled_from([target for target in node.targets if target != node.name])
            rounds[node.name] = tuple(draw(st.lists(st.integers(0, most), min_size=1, max_size=3)))
            exits[node.name] = tuple(draw(st.lists(ways, min_size=1, max_size=3)))
    return Scenario(graph, counts, rounds, exits)


def run_scenario(scenario: Scenario, pick: Callable[[int], int] = lambda _: 0) -> list[Task]:
    """All tasks of a scenario, in the order in which they finish.

    Args:
        scenario: what to run.
        pick: of how many running tasks, which one finishes next, from 0. For instance, with hypothesis:
            `lambda running: data.draw(st.integers(0, running - 1))`.
    """
    execution = Execution(scenario.graph)
    running = [execution.start()]
    finished = []
    while running:
        index = pick(len(running))
        running[index], running[-1] = running[-1], running[index]
        task = running.pop()
        finished.append(task)
        running += execution.finish(task.key, scenario.transition(task))
    assert execution.is_finished, "the last step of a sound graph is always reached"
    return finished


def _at(decisions: tuple[_T, ...], turn: int) -> _T:
    return decisions[turn % len(decisions)]
