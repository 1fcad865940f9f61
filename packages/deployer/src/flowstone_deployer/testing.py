"""For whoever writes or tests a deployer: plans of any graph, without a flow behind them."""

import itertools

from flowstone_graph import FlowGraph, Kind, Node
from flowstone_interfaces import TaskRequest
from flowstone_interfaces.production import FlowPlan, StepPlan

REQUEST = TaskRequest("", ("python", "-m", "worker"), b"")
"""What the jobs of a plan start, where nothing else is said."""


def flow_plan(graph: FlowGraph, **steps: StepPlan) -> FlowPlan:
    """A plan for the graph: its steps as they are given, all others plain."""
    plans = {node.name: steps.get(node.name, StepPlan(REQUEST)) for node in graph}
    return FlowPlan(graph.name, "a" * 64, graph.to_dict(), "s3://bucket/store", plans, REQUEST)


def line_of(count: int) -> FlowGraph:
    """A flow of so many steps, two at least, one after the other."""
    names = ["start", *(f"step{number}" for number in range(count - 2)), "end"]
    nodes = [Node(name, Kind.LINEAR, (after,)) for name, after in itertools.pairwise(names)]
    return FlowGraph("Line", (*nodes, Node("end", Kind.LINEAR)), "start", "end")
