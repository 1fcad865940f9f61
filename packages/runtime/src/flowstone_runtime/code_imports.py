"""Which modules a flow imports of its own project and of its neighbours: read, not run."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from flowstone_runtime.code_places import CodePlaces
from flowstone_runtime.framework import is_framework


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
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # a module that nobody has imported yet may be broken; it is stored as it is
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((None, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = file.parents[node.level - 1] if 0 < node.level <= len(file.parents) else None
            base = f"{node.module}." if node.module else ""
            yield from ((package, f"{base}{alias.name}") for alias in node.names)
