"""The code of a run: the flow's file, every first-party module that it imports, and files that somebody named.

First-party is what lies in the project and is not installed: no site-packages, no
virtual environment, no standard library, and not flowstone itself; and what is imported
from folders beside the project in which it is being worked on. Modules are found by
reading imports, so that one which only a step imports is there too, and in what is
loaded, so that one which is found in no other way is as well.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import attrs

from flowstone_datastore import Code, Datastore
from flowstone_runtime.code.imports import Imports
from flowstone_runtime.code.patterns import CodePatterns
from flowstone_runtime.code.places import CodePlaces, is_first_party
from flowstone_runtime.code.project_files import project_files
from flowstone_runtime.code.refused import refuse_code
from flowstone_runtime.framework import is_framework


@attrs.frozen
class CodeFiles:
    """The files of the code as they are now."""

    flow_file: str
    """The path in the code of the file that has the flow."""
    files: Mapping[str, Path]
    """Path in the code -> file, sorted."""
    import_folders: tuple[str, ...]
    """Folders of the code from which modules are imported, beside that of the flow's file."""

    @property
    def executable(self) -> tuple[str, ...]:
        """The paths of those that their owner may execute."""
        return tuple(path for path, file in self.files.items() if file.stat().st_mode & 0o100)


def snapshot_code(
    datastore: Datastore,
    flow_file: Path,
    root: Path,
    loaded: Mapping[str, ModuleType | None],
    patterns: Sequence[str] = (),
) -> Code:
    """Store the code by content; what is stored already is not written again.

    See `code_files` for which files it is.

    Raises:
        RefusedCodeError: a file looks like a secret or is large, and nobody named it.
    """
    code = code_files(flow_file, root, loaded, patterns)
    stored = {path: datastore.chunks.put((file.read_bytes(),)) for path, file in code.files.items()}
    return Code(code.flow_file, stored, code.executable, code.import_folders)


def code_files(
    flow_file: Path, root: Path, loaded: Mapping[str, ModuleType | None], patterns: Sequence[str] = ()
) -> CodeFiles:
    """The files of the code, by their paths relative to the root, sorted.

    `flow_file` and `root`, the project root, have no links in them; `loaded` is
    `sys.modules`. A link to a file or a folder is followed, and its content counts under
    the path of the link. `patterns` take more files of the project, see `CodePatterns`: not what git
    ignores, unless its path is written in full. What is imported is taken though git ignores it: the
    run needs it.

    Raises:
        RefusedCodeError: a file looks like a secret or is large, and nobody named it.
    """
    places = CodePlaces.of(flow_file.parent, root)
    modules = Imports(places).closure((flow_file, *_loaded_files(loaded, places)))
    flow_path = places.path_of(flow_file)
    found = {places.path_of(module): module for module in modules}
    wanted = CodePatterns.of(patterns)
    if wanted.patterns:
        found |= {
            path: root / path for path in (*project_files(root), *_named(wanted, root)) if wanted.takes(path)
        }
        found = {path: file for path, file in found.items() if path == flow_path or not wanted.leaves_out(path)}
    files = dict(sorted(found.items()))
    refuse_code(files, {flow_path, *wanted.exact})
    return CodeFiles(flow_path, files, places.import_folders(files))


def _named(patterns: CodePatterns, root: Path) -> Iterator[str]:
    return (path for path in patterns.exact if (root / path).is_file() and ".." not in Path(path).parts)


def _loaded_files(loaded: Mapping[str, ModuleType | None], places: CodePlaces) -> Iterator[Path]:
    root = places.root
    ways = {str(root): root, **places.entries}
    starts = {way.rstrip(os.sep) + os.sep: folder for way, folder in ways.items()}
    for name, module in list(loaded.items()):
        source = getattr(module, "__file__", None)
        if isinstance(source, str) and source.startswith(tuple(starts)) and not is_framework(name):
            start = next(start for start in starts if source.startswith(start))
            file = starts[start] / source.removeprefix(start)
            if is_first_party(file, root) and file.is_file():
                yield file
