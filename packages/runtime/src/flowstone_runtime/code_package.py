"""The code of a run: the flow's file and every first-party module that it imports.

First-party is what lies in the project and is not installed: no site-packages, no
virtual environment, no standard library, and not flowstone itself. Modules are found by
reading imports, so that one which only a step imports is there too, and in what is
loaded, so that one which is found in no other way is as well.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import attrs

from flowstone_datastore import Code, Datastore
from flowstone_runtime.framework import is_framework


def snapshot_code(
    datastore: Datastore, flow_file: Path, root: Path, loaded: Mapping[str, ModuleType | None]
) -> Code:
    """Store the code by content; what is stored already is not written again.

    See `code_files` for which files it is.
    """
    files = code_files(flow_file, root, loaded)
    stored = {path: datastore.chunks.put((file.read_bytes(),)) for path, file in files.items()}
    return Code(_relative(flow_file, root), stored)


def code_files(flow_file: Path, root: Path, loaded: Mapping[str, ModuleType | None]) -> dict[str, Path]:
    """The files of the code, by their paths relative to the root, sorted.

    `flow_file` and `root`, the project root, have no links in them; `loaded` is
    `sys.modules`. A link to a file or a folder is followed, and its content counts under
    the path of the link.
    """
    files = _Imports(flow_file.parent, root).closure((flow_file, *_loaded_files(loaded, root)))
    return {_relative(file, root): file for file in sorted(files)}


def is_first_party(file: Path, root: Path) -> bool:
    """True for a source file in the project that nobody installed."""
    if file.suffix != ".py" or not file.is_relative_to(root):
        return False
    folders = file.relative_to(root).parts[:-1]
    if any(part in {"site-packages", "dist-packages"} or part.startswith(".") for part in folders):
        return False
    return not any(file.is_relative_to(place) for place in _places_of_python(root))


def _places_of_python(root: Path) -> list[Path]:
    """The folders in the project, if any, that belong to Python: a virtual environment, its base."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(os.__file__).parent}
    return [place for place in places if place != root and place.is_relative_to(root)]


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _loaded_files(loaded: Mapping[str, ModuleType | None], root: Path) -> Iterator[Path]:
    starts = {way.rstrip(os.sep) + os.sep: folder for way, folder in {str(root): root, **_entries(root)}.items()}
    for name, module in list(loaded.items()):
        source = getattr(module, "__file__", None)
        if isinstance(source, str) and source.startswith(tuple(starts)) and not is_framework(name):
            start = next(start for start in starts if source.startswith(start))
            file = starts[start] / source.removeprefix(start)
            if is_first_party(file, root) and file.is_file():
                yield file


def _entries(root: Path) -> dict[str, Path]:
    """The entries of `sys.path` that lie in the project, as they are written and without links."""
    entries = {entry: Path(entry).resolve() for entry in sys.path if entry}
    return {entry: folder for entry, folder in entries.items() if folder.is_relative_to(root)}


@attrs.frozen
class _Found:
    """What a module's name stands for: files to store, and where its submodules may lie."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


@attrs.define
class _Imports:
    """Follows imports from file to file, as far as they lie in the project."""

    flow_folder: Path
    root: Path
    _known: dict[tuple[Path | None, str], _Found] = attrs.field(factory=dict)

    def closure(self, files: Iterable[Path]) -> set[Path]:
        """The files and everything of the project that they import, directly or not."""
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
            above = _Found(self._own((package / "__init__.py",)), (package,))
        else:
            above = _Found((), self._top_folders())
        for folder in above.folders:
            inner = folder / last / "__init__.py"
            if found := self._own((inner,)):
                return _Found((*above.files, *found), (inner.parent,))
            if found := self._own((folder / f"{last}.py",)):
                return _Found((*above.files, *found))
        # No file: a folder without one is a namespace package.
        return _Found(above.files, tuple(folder / last for folder in above.folders if (folder / last).is_dir()))

    def _own(self, files: Iterable[Path]) -> tuple[Path, ...]:
        return tuple(file for file in files if file.is_file() and is_first_party(file, self.root))

    def _top_folders(self) -> tuple[Path, ...]:
        return (self.flow_folder, *_entries(self.root).values())


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
