"""A flow that was written in the cells of a notebook, as the source of a file.

Taken along is the class and what it needs, from whichever cell: imports, functions, classes, assignments, and what
these need in turn. Other statements stay in the notebook.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence

import attrs

from flowstone_runtime.errors import UsageError


@attrs.frozen
class _Statement:
    """A statement at the top of a cell."""

    text: str
    binds: frozenset[str]
    needs: frozenset[str]


def flow_source(flow: str, cells: Sequence[str]) -> str:
    """The source of a file that defines the flow and starts its command line.

    `cells` are what was run, in this order; of what was run again, the last counts.

    Raises:
        UsageError: no cell defines the flow.
    """
    statements = [statement for cell in cells for statement in _statements(cell)]
    binding: dict[str, list[int]] = {}
    for position, statement in enumerate(statements):
        for name in statement.binds:
            is_change = name in statement.needs  # `limit += 1` counts with what it changes
            binding[name] = [*(binding.get(name, []) if is_change else []), position]
    if flow not in binding:
        raise UsageError(f"no cell of the notebook defines the flow {flow}; run the cell that does")
    wanted: list[int] = []
    _collect(binding[flow], statements, binding, wanted, set())
    future = [text for text in dict.fromkeys(s.text for s in statements) if text.startswith("from __future__")]
    texts = [*future, *(statements[position].text for position in wanted)]
    return "\n\n".join([*texts, f'if __name__ == "__main__":\n    {flow}()\n'])


def _collect(
    positions: Sequence[int],
    statements: Sequence[_Statement],
    binding: dict[str, list[int]],
    wanted: list[int],
    seen: set[int],
) -> None:
    """Add the statements, each after what it needs."""
    for position in positions:
        if position in seen:
            continue
        seen.add(position)
        for name in sorted(statements[position].needs):
            before = binding.get(name, [])
            if name in statements[position].binds:
                before = [other for other in before if other < position]
            _collect(before, statements, binding, wanted, seen)
        wanted.append(position)


def _statements(cell: str) -> Iterator[_Statement]:
    try:
        tree = ast.parse(cell)
    except SyntaxError:  # a cell that did not run, or of another language
        return
    for node in tree.body:
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        text = "\n".join(cell.splitlines()[start - 1 : node.end_lineno])
        if isinstance(node, ast.If) or ";" in text.partition("#")[0]:
            text = ast.unparse(node)
        yield _Statement(text, frozenset(_bound(node)), frozenset(_needed(node)))


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
    elif isinstance(node, ast.Try | ast.If | ast.With):  # `try: import fast ... except ImportError: ...`
        bodies = [node.body, *(getattr(node, name, []) for name in ("orelse", "finalbody"))]
        bodies += [handler.body for handler in getattr(node, "handlers", [])]
        yield from (name for body in bodies for inner in body for name in _bound(inner))


def _needed(node: ast.stmt) -> set[str]:
    """Every name that is read anywhere in the statement: one too many does no harm."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    if isinstance(node, ast.AugAssign):
        names |= set(_bound(node))
    return {name for name in names if not hasattr(builtins, name)}
