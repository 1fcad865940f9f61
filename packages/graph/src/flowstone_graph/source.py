"""The source of functions: found by file and line, each file read and parsed once.

Lines come through `linecache`, which knows files, zip archives and the cells of
notebooks alike.
"""

import ast
import linecache
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

FunctionSource = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(NamedTuple):
    """A function as it is written."""

    function: FunctionSource
    class_line: int
    """The line of the innermost `class` around it; 0 if there is none."""


class MissingSource(NamedTuple):
    """Why a function's source cannot be had, and what to do about it."""

    what: str
    advice: str


_Definitions = dict[tuple[int, str], Definition]


class Sources:
    """The files that some functions come from. Keeps what it has parsed: made for one use, and dropped."""

    def __init__(self) -> None:
        self._files: dict[str, _Definitions | MissingSource] = {}

    def find(self, function: FunctionType) -> Definition | MissingSource:
        """How a function is written."""
        code = function.__code__
        if code.co_filename not in self._files:
            self._files[code.co_filename] = _read(code.co_filename, function.__globals__)
        definitions = self._files[code.co_filename]
        if isinstance(definitions, MissingSource):
            return definitions
        changed = MissingSource("it is not in its file where it was when imported", "import the file again")
        return definitions.get((code.co_firstlineno, code.co_name), changed)


def _read(file: str, module_globals: dict[str, Any]) -> _Definitions | MissingSource:
    """All functions of a file by first line and name."""
    linecache.checkcache(file)
    lines = linecache.getlines(file, module_globals)
    if not lines:
        return MissingSource("its source is not available", "put the flow in a file or in a notebook's cell")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whoever imported the file has seen them
        try:
            tree = ast.parse("".join(lines), file)
        except (SyntaxError, ValueError, RecursionError) as error:
            return MissingSource(f"its source cannot be parsed ({error})", "repair the file and import it again")
    return {
        (_first_line(definition.function), definition.function.name): definition
        for definition in _definitions(tree, 0)
    }


def _definitions(node: ast.AST, class_line: int) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionSource):
            yield Definition(child, class_line)
            yield from _definitions(child, 0)
        elif isinstance(child, ast.ClassDef):
            yield from _definitions(child, child.lineno)
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _definitions(child, class_line)


def _first_line(function: FunctionSource) -> int:
    """The line that Python counts a function from: that of its first decorator."""
    return function.decorator_list[0].lineno if function.decorator_list else function.lineno


def own_calls(function: FunctionSource, is_wanted: Callable[[ast.Call], bool], name: str) -> Iterator[ast.Call]:
    """The wanted calls in a function's body, in the order they are written.

    Functions inside it count as well, unless they call an argument of theirs `name`.
    """
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and name in _argument_names(node):
            continue
        if isinstance(node, ast.Call) and is_wanted(node):
            yield node
        pending.extend(reversed(list(ast.iter_child_nodes(node))))


def _argument_names(function: FunctionSource | ast.Lambda) -> set[str]:
    arguments = function.args
    return {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
