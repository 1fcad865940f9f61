"""The code of a run: every file, as it was when the run began."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    import tarfile
    import tempfile

    from flowstone_datastore import Code, Datastore


@attrs.frozen
class CodeDifference:
    """What differs between the code of two runs."""

    added: tuple[str, ...]
    """Paths of files that only the second has."""
    removed: tuple[str, ...]
    """Paths of files that only the first has."""
    changed: Mapping[str, str]
    """Path of a file that both have -> what differs, as `diff -u` writes it."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {path}" for path in self.added] + [f"- {path}" for path in self.removed]
        return "\n".join([*lines, *(text.rstrip("\n") for text in self.changed.values())])


class HasCode(Protocol):
    """A run, or a task."""

    @property
    def code(self) -> "RunCode":
        """The code that it ran."""


class RunCode(Mapping[str, str]):
    """The source of every file by path, relative to the project's root; a file is read when it is asked for."""

    def __init__(self, datastore: "Datastore", pathspec: str, code: "Code | None") -> None:
        self._datastore = datastore
        self._pathspec = pathspec
        self._code = code

    @property
    def script_name(self) -> str:
        """The path of the file that has the flow; empty if no code was kept."""
        return "" if self._code is None else self._code.flow_file

    @property
    def key(self) -> str:
        """One address for all paths, modes and contents; empty if no code was kept. Equal code has equal keys."""
        return "" if self._code is None else self._code.key

    @property
    def import_folders(self) -> tuple[str, ...]:
        """The folders of the code from which its modules are imported, in order; `.` for its root."""
        return () if self._code is None else self._code.import_folders

    @property
    def executable(self) -> frozenset[str]:
        """The paths of the files that are programs."""
        return frozenset(() if self._code is None else self._code.executable)

    @property
    def path(self) -> str:
        """Where the code is: the run that keeps it, and the store."""
        return f"{self._datastore.url}#{self._pathspec}"

    @property
    def info(self) -> dict[str, str]:
        """What is known of it without reading it: the flow's file, and the address of each file."""
        files = {} if self._code is None else self._code.files
        return {"script": self.script_name, **{path: ref.address for path, ref in files.items()}}

    @property
    def flowspec(self) -> str:
        """The source of the file that has the flow; empty if no code was kept."""
        return self[self.script_name] if self.script_name else ""

    def data(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            KeyError: there is no such file.
            DamagedChunkError: they are not what was stored.
        """
        if self._code is None:
            raise KeyError(path)
        ref = self._code.files[path]
        shown = f"the code of {self._pathspec} ({path})"
        return bytes(self._datastore.chunks.get(ref.address, size=ref.size, artifact=shown))

    @property
    def tarball(self) -> "tarfile.TarFile":
        """All files as an archive in memory, open for reading; the caller closes it."""
        import tarfile

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in self:
                member = tarfile.TarInfo(path)
                data = self.data(path)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        buffer.seek(0)
        return tarfile.open(fileobj=buffer, mode="r")

    def extract(self, folder: Path | None = None) -> "tempfile.TemporaryDirectory[str] | Path":
        """Write all files below a folder, which is returned.

        Without one, below a temporary one, which is deleted with what is returned.

        Raises:
            OSError: a file could not be written.
        """
        if folder is None:
            import tempfile

            temporary = tempfile.TemporaryDirectory(prefix="flowstone-code-")
            self._write(Path(temporary.name))
            return temporary
        self._write(folder)
        return folder

    def _write(self, folder: Path) -> None:
        programs = self.executable
        for path in self:  # the records refuse paths that would lead out of the folder
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.data(path))
            if path in programs:
                file.chmod(file.stat().st_mode | 0o111)

    def diff(self, other: "RunCode | HasCode") -> CodeDifference:
        """What differs in `other` (code, or a run or task that has some), file by file.

        Only files whose addresses differ are read.
        """
        other = other if isinstance(other, RunCode) else other.code
        mine, theirs = self.info, other.info
        both = sorted(path for path in self if path in other and mine[path] != theirs[path])
        return CodeDifference(
            added=tuple(sorted(set(other) - set(self))),
            removed=tuple(sorted(set(self) - set(other))),
            changed={path: _unified(self, other, path) for path in both},
        )

    def __getitem__(self, path: str) -> str:
        return self.data(path).decode("utf-8", "backslashreplace")

    def __iter__(self) -> Iterator[str]:
        return iter(() if self._code is None else self._code.files)

    def __len__(self) -> int:
        return 0 if self._code is None else len(self._code.files)

    def __repr__(self) -> str:
        return f"<the code of {self._pathspec}: {', '.join(self) or 'none was kept'}>"


def _unified(mine: RunCode, theirs: RunCode, path: str) -> str:
    import difflib

    lines = difflib.unified_diff(
        mine[path].splitlines(),
        theirs[path].splitlines(),
        f"{mine._pathspec}/{path}",  # noqa: SLF001 - one family
        f"{theirs._pathspec}/{path}",  # noqa: SLF001 - one family
        lineterm="",
    )
    return "\n".join(lines)
