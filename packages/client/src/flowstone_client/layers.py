"""Where the nodes of a graph stand in a drawing from left to right: each right of all that leads to it."""

from collections.abc import Iterable, Mapping


def layers(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Mapping[str, int]:
    """For each node, the length of the longest way to it; edges that lead back are left out.

    >>> layers("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        if source in before and target in before:
            before[target].append(source)
    found: dict[str, int] = {}
    begun: set[str] = set()
    waiting = [*reversed(before)]
    while waiting:
        node = waiting[-1]
        begun.add(node)
        missing = [source for source in before[node] if source not in begun]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        found[node] = max((found[source] + 1 for source in before[node] if source in found), default=0)
    return found
