# ruff: noqa: PTH100, PTH105, PTH108, PTH116, PTH120 - pathlib costs microseconds per call, here on the path of every object
"""Objects as files of a folder: written beside, then renamed into place.

Nothing is forced to the disk: files survive a killed process, not a power cut. What a
power cut tears, a store finds by its checksums.
"""

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator

from flowstone_datastore.file_errors import translated, without_hard_links
from flowstone_datastore.file_modes import FileModes, make_folder, make_root
from flowstone_datastore.file_writing import write_all
from flowstone_datastore.storage import Data, ObjectStatus, buffers_of, check_folder, check_path
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces.python_310 import Self

TEMPORARY_FOLDER = "tmp"
"""Where files are written before they are renamed: in the same root, so that a rename is all it takes."""


class FileStorage:
    """A `Storage` that keeps each object as one file below `root`, an absolute path.

    The folder is made when the first object is written. A root that it makes is for its owner
    alone (0700, files 0600); one that was there gives all below its permission bits.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.path.abspath(root)
        self._known_modes: FileModes | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The storage of `file:///absolute/path`; percent signs escape, as in any URL."""
        from urllib.parse import unquote, urlsplit

        return cls(unquote(urlsplit(url).path))

    @property
    def url(self) -> str:
        """`file:///absolute/path`."""
        from urllib.parse import quote

        return f"file://{quote(self._root)}"

    @property
    def root(self) -> str:
        """The absolute path of the folder."""
        return self._root

    def __repr__(self) -> str:
        return f"FileStorage({self._root!r})"

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Storage.read`."""
        with self.open_file(path) as file, translated(path, self._root):
            if not start and length is None:
                return file.readall()
            there = max(0, os.fstat(file.fileno()).st_size - start)
            return _read_range(file, start, there if length is None else min(there, length))

    def file(self, path: str) -> str:
        """See `OpensFiles.file`."""
        return f"{self._root}/{check_path(path)}"

    def write_file(self, path: str, data: Data, finish: Callable[[int], None]) -> None:
        """See `OpensFiles.write_file`."""
        check_path(path)
        with translated(path, self._root, is_writing=True):
            self._replace(self._temporary(data, finish), f"{self._root}/{path}")

    def open_file(self, path: str) -> io.FileIO:
        """See `OpensFiles.open_file`."""
        check_path(path)
        with translated(path, self._root):
            return io.FileIO(f"{self._root}/{path}")

    def status(self, path: str) -> ObjectStatus:
        """See `Storage.status`."""
        check_path(path)
        with translated(path, self._root):
            status = os.stat(f"{self._root}/{path}")
        if not stat.S_ISREG(status.st_mode):
            raise ObjectNotFoundError(path, self._root)
        return ObjectStatus(status.st_size, status.st_mtime)

    def touch(self, path: str) -> None:
        """See `Storage.touch`."""
        self.status(path)  # a folder can be touched, too
        with translated(path, self._root):
            os.utime(f"{self._root}/{path}")

    def write(self, path: str, data: Data) -> None:
        """See `Storage.write`."""
        check_path(path)
        with translated(path, self._root, is_writing=True):
            self._replace(self._temporary(data), f"{self._root}/{path}")

    def write_new(self, path: str, data: Data) -> bool:
        """See `Storage.write_new`."""
        check_path(path)
        with translated(path, self._root, is_writing=True):
            return self._link(self._temporary(data), f"{self._root}/{path}")

    def append(self, path: str, data: Data) -> int:
        """See `Storage.append`."""
        check_path(path)
        with translated(path, self._root, is_writing=True):
            descriptor = self._create(f"{self._root}/{path}", os.O_APPEND)
            try:
                start = os.fstat(descriptor).st_size
                try:
                    write_all(descriptor, buffers_of(data))
                except BaseException:
                    os.ftruncate(descriptor, start)
                    raise
            finally:
                os.close(descriptor)
        return start

    def list(self, folder: str = "") -> Iterator[str]:
        """See `Storage.list`. The root's `tmp/` is not listed: it holds no object."""
        folder = check_folder(folder)
        names = []
        with (
            translated(folder, self._root),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(f"{self._root}/{folder}") as entries,
        ):
            names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
        if not folder and f"{TEMPORARY_FOLDER}/" in names:
            names.remove(f"{TEMPORARY_FOLDER}/")
        return iter(sorted(names))

    def delete(self, path: str) -> None:
        """See `Storage.delete`."""
        check_path(path)
        with (
            translated(path, self._root, is_writing=True),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
        ):
            os.unlink(f"{self._root}/{path}")

    def _temporary(self, data: Data, finish: Callable[[int], None] | None = None) -> str:
        """A new file in `tmp/` that holds `data`; its path. Nothing is left if that fails."""
        temporary = f"{self._root}/{TEMPORARY_FOLDER}/{os.urandom(8).hex()}"
        descriptor = self._create(temporary, os.O_EXCL)
        try:
            try:
                write_all(descriptor, buffers_of(data))
                if finish is not None:
                    finish(descriptor)
            finally:
                os.close(descriptor)  # on a network file system, this too may say that the disk is full
        except BaseException:
            _discard(temporary)
            raise
        return temporary

    def _replace(self, temporary: str, target: str) -> None:
        """Give the file its name, whether or not there is one of that name."""
        try:
            try:
                os.replace(temporary, target)
            except FileNotFoundError:
                make_folder(os.path.dirname(target), self._modes())
                os.replace(temporary, target)
        except BaseException:
            _discard(temporary)
            raise

    def _link(self, temporary: str, target: str) -> bool:
        """Give the file its name if there is none of that name; `False` if there is."""
        try:
            try:
                os.link(temporary, target)
            except FileNotFoundError:
                make_folder(os.path.dirname(target), self._modes())
                os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if not without_hard_links(error):
                raise
            return self._rename_if_new(temporary, target)
        finally:
            _discard(temporary)
        return True

    def _rename_if_new(self, temporary: str, target: str) -> bool:
        """Where there are no hard links: look, then rename, as git does."""
        if os.path.lexists(target):
            return False
        self._replace(temporary, target)
        return True

    def _create(self, file: str, flag: int) -> int:
        """Open a file for writing, its folder made if need be and its mode set if it is new."""
        modes = self._modes()
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag
        try:
            descriptor = os.open(file, flags, modes.file)
        except FileNotFoundError:
            make_folder(os.path.dirname(file), modes)
            descriptor = os.open(file, flags, modes.file)
        if modes.beat_umask and os.fstat(descriptor).st_size == 0:
            os.fchmod(descriptor, modes.file)
        return descriptor

    def _modes(self) -> FileModes:
        """Permissions for what is new, looked up once; makes the root if there is none."""
        if self._known_modes is None:
            self._known_modes = FileModes.below(make_root(self._root))
        return self._known_modes


def _read_range(file: io.FileIO, start: int, length: int) -> bytes:
    """Up to `length` bytes: in one part, but for more than 2 GiB, which Linux hands out in several."""
    if length:
        file.seek(start)
    parts = []
    while length > 0 and (part := file.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _discard(temporary: str) -> None:
    """Remove a temporary file whose content is in place, or never will be; it may be gone."""
    with contextlib.suppress(OSError):
        os.unlink(temporary)
