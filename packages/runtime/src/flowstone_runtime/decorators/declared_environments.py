"""Which of a flow's decorators declare environments."""

from collections.abc import Iterator

from flowstone_graph import FlowGraph
from flowstone_runtime.decorators.environment_declaration import EnvironmentDeclaration


def declares_environments(graph: FlowGraph) -> bool:
    """Whether anything in the flow has an environment of its own."""
    return any(True for _ in _declarations(graph))


def lock_files(graph: FlowGraph) -> tuple[str, ...]:
    """The lock files that the flow names, relative to its own file; they belong to its code."""
    found = dict.fromkeys(each.lock for each in _declarations(graph) if each.lock)
    beside = {f"{name.removesuffix('uv.lock')}pyproject.toml" for name in found if name.endswith("uv.lock")}
    return (*found, *sorted(beside))


def _declarations(graph: FlowGraph) -> Iterator[EnvironmentDeclaration]:
    steps = (each for node in graph for each in node.decorators)
    return (each for each in (*graph.decorators, *steps) if isinstance(each, EnvironmentDeclaration))
