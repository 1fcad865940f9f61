"""A flow as data: its steps, how they hang together, and how they nest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_graph.check import examine
from flowstone_graph.declaration import FlowDeclaration
from flowstone_graph.fault import InvalidFlowError
from flowstone_graph.nesting import Nesting
from flowstone_graph.node import Kind, Node
from flowstone_graph.step_names import did_you_mean
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    import networkx as nx


class UnknownStepError(FlowstoneError, KeyError):
    """The flow has no step of this name."""

    def __init__(self, step: str, flow: str, known: tuple[str, ...]) -> None:
        super().__init__(step, flow, known)
        self.step = step
        self.flow = flow
        self.known = known

    def __str__(self) -> str:
        meant = did_you_mean(self.step, list(self.known))
        advice = f"did you mean {meant!r}?" if meant else f"its steps are {', '.join(self.known)}"
        return f"the flow {self.flow} has no step {self.step!r}; {advice}"


@attrs.frozen
class FlowGraph:
    """The steps of one flow. Sound from the moment it exists: an unsound one cannot be made.

    Two graphs are equal if they mean the same: where the source stands and what
    decorates the steps do not count.

    Raises:
        InvalidFlowError: the nodes make no flow that could run; it names every fault.

    >>> nodes = (Node("start", Kind.LINEAR, ("end",)), Node("end", Kind.LINEAR))
    >>> graph = FlowGraph("Hello", nodes, "start", "end")
    >>> graph["start"].targets
    ('end',)
    """

    name: str
    nodes: tuple[Node, ...]
    """In the order in which the class declares them."""
    start: str
    end: str
    doc: str = ""
    """The docstring of the class, without its indentation."""
    file: str = attrs.field(default="", eq=False)
    decorators: tuple[FlowDeclaration, ...] = attrs.field(default=(), eq=False)
    """What the class is decorated with, for whoever runs or deploys the flow."""
    _by_name: dict[str, Node] = attrs.field(init=False, eq=False, repr=False)
    _nesting: Nesting = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        by_name = {node.name: node for node in self.nodes}
        if len(by_name) != len(self.nodes):
            raise ValueError(
                f"several steps of {self.name} have the same name: {[node.name for node in self.nodes]}"
            )
        for step in (self.start, self.end):
            if step not in by_name:
                raise UnknownStepError(step, self.name, tuple(by_name))
        nesting, faults = examine(self.nodes, self.start, self.end)
        if faults:
            raise InvalidFlowError(self.name, faults)
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_nesting", nesting)

    def __getitem__(self, step: str) -> Node:
        """The node of this name.

        Raises:
            UnknownStepError: there is none.
        """
        try:
            return self._by_name[step]
        except KeyError:
            raise UnknownStepError(step, self.name, tuple(self._by_name)) from None

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, step: object) -> bool:
        return step in self._by_name

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the steps, each after all that lead to it; branches whole, one after the other.

        It follows from the targets alone, not from the order of declaration.
        """
        return tuple(self._nesting.positions)

    def split_stack(self, step: str) -> tuple[str, ...]:
        """The splits, static and foreach, that are open around a step, outermost first.

        A split is not inside of itself, and a join stands outside of the split that it closes.
        """
        self[step]
        return tuple(split for split, _ in self._nesting.positions[step])

    def foreach_stack(self, step: str) -> tuple[str, ...]:
        """Those of `split_stack` that start one task per item: each adds an index to the step's tasks."""
        return tuple(split for split in self.split_stack(step) if self[split].kind is Kind.FOREACH)

    def branch_index(self, step: str) -> int | None:
        """Through which target, counted from 0, the innermost split around a step leads to it.

        0 inside a foreach, which has one target; `None` outside of all splits.
        """
        self[step]
        position = self._nesting.positions[step]
        return position[-1][1] if position else None

    def matching_join(self, split: str) -> str | None:
        """The join that closes a split, static or foreach; `None` if the step splits nothing."""
        self[split]
        return self._nesting.joins.get(split)

    def matching_split(self, join: str) -> str | None:
        """The split that a join closes; `None` if the step joins nothing."""
        self[join]
        return next((split for split, closing in self._nesting.joins.items() if closing == join), None)

    def to_dot(self) -> str:
        """The graph in the language of Graphviz, in `order`: equal flows give equal text."""
        from flowstone_graph.dot import to_dot

        return to_dot(self.name, (self[step] for step in self.order))

    def to_networkx(self) -> "nx.DiGraph[str]":
        """The graph as a `DiGraph` of step names, in the order of declaration.

        Node attributes: `kind` (the value of the `Kind`), `foreach`, `num_parallel`, `condition`, `doc`, `file`,
        `line`, `split_stack`. Edge attributes: `label`, for people, and `branch`, the index of the target. Graph
        attributes: `name`, `start`, `end`. A switch that may repeat itself has an edge to itself; nothing else
        makes a cycle.
        """
        from flowstone_graph.networkx_graph import to_networkx

        return to_networkx(self.nodes, self._nesting.positions, name=self.name, start=self.start, end=self.end)

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data that JSON can hold: everything but the decorators of steps."""
        from flowstone_graph.plain_data import declarations_to_list, node_to_dict

        declared = {"decorators": declarations_to_list(self.decorators)} if self.decorators else {}
        return {
            "name": self.name,
            "start": self.start,
            "end": self.end,
            "doc": self.doc,
            "file": self.file,
            "nodes": [node_to_dict(node) for node in self.nodes],
            **declared,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The graph that `to_dict` made the data of.

        Raises:
            MalformedGraphError: no version of `to_dict` wrote this; the cause is chained.
        """
        from flowstone_graph.plain_data import MalformedGraphError, fields_from_dict

        fields = fields_from_dict(data)
        try:
            return cls(**fields)
        except (ValueError, UnknownStepError) as error:
            raise MalformedGraphError(str(error)) from error
