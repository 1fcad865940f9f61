"""Which modules a flow imports of its own project and of its neighbours: read, not run."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import attrs

from flowstone_runtime.code.places import CodePlaces
from flowstone_runtime.framework import is_framework

_BEFORE = re.compile(r"(?:^|[;:])[ \t\f]*(from[ \t\f\\.](?:[^;:#'\"()\\]|\\\r?\n)*)?\Z")
"""What stands on the line before the word `import` of a statement, which is first there, or after `;` or `:`."""
_AFTER = re.compile(r"import\b(?:[^\n;#(\\]|\\\r?\n)*(?:\((?:[^)#]|#[^\n]*)*\))?")
"""The word and what it imports: to the end of the logical line, or a list in parentheses."""


@attrs.frozen
class _Found:
    """What a module's name stands for: files to store, and where its submodules may lie."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


@attrs.define
class Imports:
    """Follows imports from file to file, as far as nobody installed them."""

    places: CodePlaces
    _known: dict[tuple[Path | None, str], _Found] = attrs.field(factory=dict)

    def closure(self, files: Iterable[Path]) -> set[Path]:
        """The files and everything of the project and its neighbours that they import, directly or not."""
        known = set(files)
        waiting = list(known)
        while waiting:
            for package, name in _imported_names(waiting.pop()):
                new = set(self._find(package, name).files) - known
                known |= new
                waiting += new
        return known

    def _find(self, package: Path | None, name: str) -> _Found:
        """The files of `a`, `a.b` and `a.b.c` for the name `a.b.c`, as far as they are first-party.

        Looked for in the folder of a package; if that is `None`, where top-level modules lie.
        """
        key = (package, name)
        if key not in self._known:
            is_ours = package is None and is_framework(name)
            self._known[key] = _Found() if is_ours else self._search(package, name)
        return self._known[key]

    def _search(self, package: Path | None, name: str) -> _Found:
        parent, _, last = name.rpartition(".")
        if parent:
            above = self._find(package, parent)
        elif package is not None:
            above = _Found(self.places.own((package / "__init__.py",)), (package,))
        else:
            above = _Found((), self.places.top_folders(name))
        found = self._below(above, last)
        if found.files or found.folders or parent or package is not None:
            return found
        return self._below(_Found((), self.places.ask_editable(name)), last)

    def _below(self, above: _Found, last: str) -> _Found:
        """A module by the last part of its name."""
        for folder in above.folders:
            inner = folder / last / "__init__.py"
            if found := self.places.own((inner,)):
                return _Found((*above.files, *found), (inner.parent,))
            if found := self.places.own((folder / f"{last}.py",)):
                return _Found((*above.files, *found))
        # No file: a folder without one is a namespace package.
        return _Found(above.files, tuple(folder / last for folder in above.folders if (folder / last).is_dir()))


def _imported_names(file: Path) -> Iterator[tuple[Path | None, str]]:
    """What a file imports: names, and for relative imports the folder in which they are meant."""
    for level, names in import_statements(_text(file)):
        package = file.parents[level - 1] if 0 < level <= len(file.parents) else None
        yield from ((package, name) for name in names)


def import_statements(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    r"""The import statements in a program: how many dots they begin with, and the full names after these.

    All that stand in the program, and those that a text in it holds, which do no harm: parsing a program takes
    thirty times as long as finding these.

    >>> [*import_statements("import a.b as c, d\nif x: from ..e import (f,\n    g)\n")]
    [(0, ('a.b', 'd')), (2, ('e.f', 'e.g'))]
    """
    place = text.find("import")
    while place >= 0:
        begin = text.rfind("\n", 0, place) + 1
        while text[max(0, begin - 3) : begin].rstrip("\r\n").endswith("\\"):
            begin = text.rfind("\n", 0, begin - 1) + 1
        before, after = _BEFORE.search(text[begin:place]), _AFTER.match(text, place)
        found = _parsed((before[1] or "") + after[0]) if before and after else ()
        yield from found
        place = text.find("import", after.end() if found and after else place + 1)


@lru_cache(maxsize=1 << 14)
def _parsed(statement: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    try:
        (node,) = ast.parse(statement).body
    except (SyntaxError, ValueError):  # words in a text
        return ()
    if isinstance(node, ast.Import):
        return ((0, tuple(alias.name for alias in node.names)),)
    assert isinstance(node, ast.ImportFrom), "the pattern finds no other statement"
    base = f"{node.module}." if node.module else ""
    return ((node.level, tuple(f"{base}{alias.name}" for alias in node.names)),)


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    import tokenize

    try:
        with tokenize.open(file) as opened:  # it says which encoding it has
            return opened.read()
    except (
        SyntaxError,
        UnicodeDecodeError,
    ):  # a broken module that nobody has imported yet; it is stored as it is
        return ""
