"""Random sound graphs of every shape a flow can have."""

from collections.abc import Callable

import attrs
from hypothesis import strategies as st

from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import CaseExpression, CaseKey, Kind, Node

_NAMES_OF_ENDS = [("start", "end"), ("load", "end"), ("start", "publish"), ("load", "publish")]
_CONSTANTS: list[CaseKey] = ["a", "it's", 'say "b"', 0, 7, -1, 2.5, None, True]
_EXPRESSIONS: list[CaseKey] = [CaseExpression("self.config.mode"), CaseExpression("self.config['other mode']")]
_DOCS = ["", "", "Load the data.", 'Say "hello" to C:\\new.', "Länder wählen."]

_Shape = Callable[[str, int], str]
"""Builds one element of a flow before the given step, nesting as deep as it may; the name of its first step."""


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    max_depth: int = 3,
    with_switch: bool = True,
    with_parallel: bool = True,
    with_expressions: bool = True,
) -> FlowGraph:
    """A sound graph: static splits, foreach, switches and loops, nested in any way, in any order of declaration.

    Args:
        draw: given by hypothesis.
        max_depth: how deep splits and switches nest at most.
        with_switch: False for schedulers without switches and loops.
        with_parallel: False for schedulers without `num_parallel`.
        with_expressions: False if all keys of switch cases are to be constants.
    """
    builder = _Builder(draw, _CONSTANTS + _EXPRESSIONS if with_expressions else _CONSTANTS)
    if with_parallel:
        builder.shapes.append(builder.parallel)
    if with_switch:
        builder.shapes += [builder.switch, builder.loop]
    start, end = draw(st.sampled_from(_NAMES_OF_ENDS))
    if draw(st.integers(0, 19)) == 19:
        start = end
    else:
        entry = builder.body(end, max_depth)
        builder.rename(entry, start)
    builder.add(Node(end, Kind.LINEAR))
    nodes = draw(st.permutations(builder.nodes)) if draw(st.booleans()) else list(reversed(builder.nodes))
    return FlowGraph("Generated", tuple(nodes), start, end, draw(st.sampled_from(_DOCS)))


class _Builder:
    """Builds steps from the last to the first, since each has to know what follows it."""

    def __init__(self, draw: st.DrawFn, case_keys: list[CaseKey]) -> None:
        self._draw = draw
        self._case_keys = case_keys
        self.nodes: list[Node] = []
        self.shapes: list[_Shape] = [self.step, self.split, self.foreach]

    def add(self, node: Node) -> str:
        self.nodes.append(attrs.evolve(node, doc=self._draw(st.sampled_from(_DOCS))))
        return node.name

    def rename(self, old: str, new: str) -> None:
        """Call a step otherwise, wherever it is mentioned."""

        def renamed(name: str) -> str:
            return new if name == old else name

        self.nodes = [
            attrs.evolve(
                node,
                name=renamed(node.name),
                targets=tuple(map(renamed, node.targets)),
                cases=tuple((key, renamed(target)) for key, target in node.cases),
            )
            for node in self.nodes
        ]

    def body(self, following: str, depth: int) -> str:
        """One element or two that lead to `following`; the name of the first step."""
        for _ in range(self._draw(st.integers(1, 2))):
            shape = self._draw(st.sampled_from(self.shapes)) if depth else self.step
            following = shape(following, depth - 1)
        return following

    def _name(self, prefix: str) -> str:
        return f"{prefix}{len(self.nodes)}"

    def step(self, following: str, _depth: int = 0) -> str:
        return self.add(Node(self._name("step"), Kind.LINEAR, (following,)))

    def _join(self, following: str) -> str:
        return self.add(Node(self._name("join"), Kind.JOIN, (following,)))

    def split(self, following: str, depth: int) -> str:
        join = self._join(following)
        branches = [self.body(join, depth) for _ in range(self._draw(st.integers(2, 3)))]
        return self.add(Node(self._name("split"), Kind.SPLIT, tuple(branches)))

    def foreach(self, following: str, depth: int) -> str:
        target = self.body(self._join(following), depth)
        return self.add(Node(self._name("each"), Kind.FOREACH, (target,), foreach=self._name("items")))

    def parallel(self, following: str, _depth: int) -> str:
        worker = Node(self._name("worker"), Kind.LINEAR, (self._join(following),))
        return self.add(Node(self._name("cluster"), Kind.FOREACH, (self.add(worker),), num_parallel=True))

    def switch(self, following: str, depth: int) -> str:
        arms = self._arms(following, depth, at_least=2)
        return self._add_switch(self._name("switch"), arms)

    def loop(self, following: str, depth: int) -> str:
        arms = self._arms(following, depth, at_least=1)
        name = self._name("loop")
        return self._add_switch(name, [name, *arms] if self._draw(st.booleans()) else [*arms, name])

    def _arms(self, following: str, depth: int, at_least: int) -> list[str]:
        """The targets of a switch, all different.

        Either each has steps of its own and leads to what follows, or they meet in
        a step first, to which one may lead directly: to a join it may not.
        """
        own = self._draw(st.integers(at_least, 3))
        if self._draw(st.booleans()):
            return [self.body(following, depth) for _ in range(own)]
        meeting = self.step(following)
        return [*(self.body(meeting, depth) for _ in range(own - 1)), meeting]

    def _add_switch(self, name: str, arms: list[str]) -> str:
        """A switch on different keys, of which several may lead to one target."""
        targets = [*arms, *self._draw(st.lists(st.sampled_from(arms), max_size=2))]
        keys = self._draw(st.permutations(self._case_keys))
        cases = tuple(zip(keys, targets, strict=False))
        return self.add(Node(name, Kind.SWITCH, tuple(arms), condition=self._name("way"), cases=cases))
