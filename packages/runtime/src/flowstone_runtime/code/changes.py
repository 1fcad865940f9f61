"""What of a flow's code has changed since an older run: for people who take over its results."""

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

import attrs

from flowstone_datastore import ChunkRef, Code

ReadChunk = Callable[[ChunkRef], bytes]


@attrs.frozen
class CodeChanges:
    """What is not as it was."""

    steps: frozenset[str] = frozenset()
    """Steps that are written differently now; comments, layout and decorators do not count."""
    modules: tuple[str, ...] = ()
    """Other files of the project that changed, came or went: steps may call what is in them."""


def code_changes(old: Code | None, new: Code | None, steps: Iterable[str], read: ReadChunk) -> CodeChanges:
    """Compare the code of two runs; `read` gives the bytes of a stored file."""
    if old is None or new is None:
        return CodeChanges()
    differing = [path for path in {**old.files, **new.files} if old.files.get(path) != new.files.get(path)]
    before, after = (_steps_in(code.files, differing, frozenset(steps), read) for code in (old, new))
    both = before.keys() & after.keys()
    changed = {step for step in both if _written(before[step]) != _written(after[step])}
    holds_steps = {path for found in (*before.values(), *after.values()) for path, _ in found}
    modules = sorted(path for path in differing if path not in holds_steps)
    return CodeChanges(frozenset(changed), tuple(modules))


def _steps_in(
    files: Mapping[str, ChunkRef], paths: Iterable[str], steps: frozenset[str], read: ReadChunk
) -> dict[str, list[tuple[str, str]]]:
    """For each step, where a method of its name is written and how; several classes may have one."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in paths:
        if path in files and PurePosixPath(path).suffix == ".py":
            for method in _methods(read(files[path])):
                if method.name in steps:
                    method.decorator_list = []
                    found.setdefault(method.name, []).append((path, ast.dump(method)))
    return found


def _written(found: list[tuple[str, str]]) -> list[str]:
    """How a step is written, whatever its file is called: that of a notebook is another one each time."""
    return sorted(text for _, text in found)


def _methods(source: bytes) -> list[ast.FunctionDef]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # of another Python, or broken: it cannot be compared
        return []
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [node for owner in classes for node in owner.body if isinstance(node, ast.FunctionDef)]
