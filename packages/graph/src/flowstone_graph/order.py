"""The order of steps: each after all that lead to it, branch by branch, as one would tell it."""

from collections.abc import Iterator, Mapping

Edge = tuple[str, str]


def depth_first_order(
    successors: Mapping[str, tuple[str, ...]], start: str
) -> tuple[tuple[str, ...], tuple[Edge, ...]]:
    """The steps that can be reached, in order, and the edges that would close a cycle.

    Without the closing edges every step stands after all its predecessors. What
    belongs to a step's first target stands before what belongs to its second.
    O(steps + edges), and deep graphs do not recurse.

    >>> depth_first_order({"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}, "a")
    (('a', 'b', 'c', 'd'), ())
    """
    finished: list[str] = []
    closing: list[Edge] = []
    open_steps: set[str] = {start}
    seen: set[str] = {start}
    path: list[tuple[str, Iterator[str]]] = [(start, reversed(successors[start]))]
    while path:
        step, rest = path[-1]
        target = next(rest, None)
        if target is None:
            path.pop()
            open_steps.discard(step)
            finished.append(step)
        elif target in open_steps:
            closing.append((step, target))
        elif target not in seen:
            seen.add(target)
            open_steps.add(target)
            path.append((target, reversed(successors[target])))
    return tuple(reversed(finished)), tuple(closing)


def cycle_through(successors: Mapping[str, tuple[str, ...]], closing: Edge) -> tuple[str, ...]:
    """The shortest way round that `closing` closes: from its head back to its head."""
    tail, head = closing
    came_from: dict[str, str] = {}
    level = [head]
    while tail != head and tail not in came_from:
        following: list[str] = []
        for step in level:
            for target in successors[step]:
                if target not in came_from and target != head:
                    came_from[target] = step
                    following.append(target)
        level = following
    way = [tail]
    while way[-1] != head:
        way.append(came_from[way[-1]])
    return (*reversed(way), head)
