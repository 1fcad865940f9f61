"""Where the modules of a flow lie, in its project and beside it, and which path each has in the code of a run."""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import attrs

from flowstone_interfaces.python_310 import Self

OUTSIDE = "_outside"
"""The folder of the code for modules that lie outside of the project, each at the path that it is imported by."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_first_party(file: Path, root: Path) -> bool:
    """True for a source file in the folder that nobody installed."""
    path = _below(file, root)
    if path is None or not path.endswith(".py"):
        return False
    *folders, _ = path.split(os.sep)  # noqa: PTH206
    return _is_own(folders) and not path.startswith(_python_within(root))


@attrs.define
class CodePlaces:
    """The folders from which a flow's own modules are imported."""

    flow_folder: Path
    root: Path
    entries: dict[str, Path]
    """Of the project: as `sys.path` has them, and without links."""
    outside: list[Path]
    """Not of the project, and nobody's installation either: siblings that were installed editable, PYTHONPATH."""

    @classmethod
    def of(cls, flow_folder: Path, root: Path) -> Self:
        """As this interpreter imports."""
        entries = {entry: Path(entry).resolve() for entry in sys.path if entry}
        inside = {entry: folder for entry, folder in entries.items() if folder.is_relative_to(root)}
        beside = [folder for entry, folder in entries.items() if entry not in inside and _is_beside(folder)]
        return cls(flow_folder, root, inside, list(dict.fromkeys(beside)))

    def top_folders(self, name: str) -> tuple[Path, ...]:
        """Where a module of this name may lie, that has no other before it."""
        inside = (self.flow_folder, *self.entries.values())
        if name in sys.stdlib_module_names:
            return inside
        return (*inside, *self.outside)

    def ask_editable(self, name: str) -> tuple[Path, ...]:
        """The folder of a module that an editable installation finds by a hook, not by an entry of `sys.path`."""
        for finder in sys.meta_path:
            if not getattr(finder, "__module__", "").startswith("__editable__"):
                continue
            spec = finder.find_spec(name, None)
            if spec is None or not spec.origin:
                continue
            file = Path(spec.origin).resolve()
            folder = file.parents[1] if file.name == "__init__.py" else file.parent
            if folder.is_relative_to(self.root):
                self.entries[str(folder)] = folder
            elif folder not in self.outside:
                self.outside.append(folder)
            return (folder,)
        return ()

    def folders(self) -> tuple[Path, ...]:
        """All of them that nobody installed, in the order of imports."""
        inside = [folder for folder in self.entries.values() if _is_own(folder.relative_to(self.root).parts)]
        return tuple(dict.fromkeys([self.flow_folder, *inside, *self.outside]))

    def own(self, files: Iterable[Path]) -> tuple[Path, ...]:
        """Those that are there and that nobody installed."""
        return tuple(file for file in files if file.is_file() and self._home(file) is not None)

    def path_of(self, file: Path) -> str:
        """The path in the code."""
        path = _below(file, self.root)
        if path is None:
            home = self._home(file)
            assert home is not None, "only files of one's own have a path"
            path = f"{OUTSIDE}/{_below(file, home)}"
        return path.replace(os.sep, "/")

    def import_folders(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The folders of the code, beside the flow's own, from which its files are imported."""
        known = list(paths)
        inside = [folder for folder in dict.fromkeys(self.entries.values()) if folder != self.flow_folder]
        names = [folder.relative_to(self.root).as_posix() for folder in inside]
        own = [name for name in names if _is_own(Path(name).parts)]
        return tuple(name for name in [*own, OUTSIDE] if any(_is_below(path, name) for path in known))

    def _home(self, file: Path) -> Path | None:
        homes: Iterator[Path] = (home for home in (self.root, *self.outside) if is_first_party(file, home))
        return next(homes, None)


def _below(file: Path, folder: Path) -> str | None:
    """The path from the folder to the file, if that is in it. Asked of each file several times: not by pathlib."""
    text, start = str(file), os.path.join(folder, "")  # noqa: PTH118
    return text.removeprefix(start) if text.startswith(start) else None


@cache
def _python_within(root: Path) -> tuple[str, ...]:
    """How the paths of Python's own files begin, as far as Python lies in the folder."""
    places = [_below(place, root) for place in _places_of_python()]
    return tuple(f"{place}{os.sep}" for place in places if place)


def _is_below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _is_own(folders: Iterable[str]) -> bool:
    return not any(part in _INSTALLED or part.startswith(".") for part in folders)


def _is_beside(folder: Path) -> bool:
    is_python = any(folder.is_relative_to(place) for place in _places_of_python())
    return folder.is_dir() and not is_python and not _INSTALLED & {*folder.parts}


def _places_of_python() -> set[Path]:
    """The folders that belong to Python: a virtual environment, its base, the standard library."""
    return {Path(sys.prefix), Path(sys.base_prefix), Path(os.__file__).parent}
