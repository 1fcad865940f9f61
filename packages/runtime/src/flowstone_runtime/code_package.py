"""The code of a run: the flow's file and every first-party module that it imports.

First-party is what lies in the project and is not installed: no site-packages, no
virtual environment, no standard library, and not flowstone itself. Modules are found by
reading imports, so that one which only a step imports is there too, and in what is
loaded, so that one which is found in no other way is as well.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import attrs

from flowstone_datastore import Code, Datastore


def snapshot_code(
    datastore: Datastore, flow_file: Path, root: Path, loaded: Mapping[str, ModuleType | None]
) -> Code:
    """Store the code by content; what is stored already is not written again.

    `root` is the project root, `loaded` is `sys.modules`. Paths are relative to the root.
    """
    files = _Imports(flow_file.parent, root).closure((flow_file, *_loaded_files(loaded, root)))
    stored = {_relative(file, root): datastore.chunks.put((file.read_bytes(),)) for file in sorted(files)}
    return Code(_relative(flow_file, root), stored)


def is_first_party(file: Path, root: Path) -> bool:
    """True for a source file in the project that nobody installed."""
    if file.suffix != ".py" or not file.is_relative_to(root):
        return False
    folders = file.relative_to(root).parts[:-1]
    if any(part == "site-packages" or part.startswith(".") for part in folders):
        return False
    prefix = Path(sys.prefix)
    return not (prefix.is_relative_to(root) and file.is_relative_to(prefix))


def is_framework(module: str) -> bool:
    """True for a module of flowstone's own packages, which may lie in a project as a checkout."""
    top = module.partition(".")[0]
    return top == "flowstone" or top.startswith("flowstone_")


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _loaded_files(loaded: Mapping[str, ModuleType | None], root: Path) -> Iterator[Path]:
    for name, module in list(loaded.items()):
        source = getattr(module, "__file__", None)
        if isinstance(source, str) and source.startswith(str(root)) and not is_framework(name):
            file = Path(source)
            if is_first_party(file, root) and file.is_file():
                yield file


@attrs.define
class _Imports:
    """Follows imports from file to file, as far as they lie in the project."""

    flow_folder: Path
    root: Path
    _found: dict[str, tuple[Path, ...]] = attrs.field(factory=dict)

    def closure(self, files: Iterable[Path]) -> set[Path]:
        """The files and everything of the project that they import, directly or not."""
        known = set(files)
        waiting = list(known)
        while waiting:
            for name in _imported_names(waiting.pop(), self.root):
                new = set(self._find(name)) - known
                known |= new
                waiting += new
        return known

    def _find(self, name: str) -> tuple[Path, ...]:
        """The files of `a`, `a.b` and `a.b.c` for the name `a.b.c`, as far as they are first-party."""
        if name not in self._found:
            self._found[name] = () if is_framework(name) else tuple(self._search(name))
        return self._found[name]

    def _search(self, name: str) -> Iterator[Path]:
        parent, _, last = name.rpartition(".")
        if parent and not self._find(parent):
            return  # a stranger's package has none of our modules
        yield from self._find(parent) if parent else ()
        spec = PathFinder.find_spec(last, self._folders(parent))
        if spec is None:
            return
        if spec.origin and is_first_party(Path(spec.origin), self.root):
            yield Path(spec.origin)

    def _folders(self, package: str) -> list[str]:
        """Where modules of the package (or, for an empty name, top-level ones) may lie in the project."""
        if package:
            return [str(self._find(package)[-1].parent)]
        inside = [entry for entry in sys.path if entry and Path(entry).is_relative_to(self.root)]
        return [str(self.flow_folder), *inside]


def _imported_names(file: Path, root: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # a module that nobody has imported yet may be broken; it is stored as it is
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (base := _absolute_name(node, file, root)):
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute_name(node: ast.ImportFrom, file: Path, root: Path) -> str:
    """The module that a `from ... import` names, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    package = file.parent
    for _ in range(node.level - 1):
        package = package.parent
    names: list[str] = []
    while (package / "__init__.py").is_file() and package != root:
        names.insert(0, package.name)
        package = package.parent
    return ".".join([*names, *([node.module] if node.module else [])])
