"""Where the bytes of an object go: memory, or a file that has its name only when it is whole."""

import contextlib
import fcntl
import os
import threading
from pathlib import Path
from typing import Protocol

from flowstone_datastore.file_errors import translated
from flowstone_datastore.s3.buffers import new_buffer

_PIECE_BYTES = 1024 * 1024
_DONE = b"\1"


class Sink(Protocol):
    """Takes the bytes of one object in any order, from several threads."""

    def prepare(self, size: int, etag: str, part_bytes: int) -> set[int]:
        """Make room for so many bytes; the numbers of parts that are there already."""

    def view(self, at: int, length: int) -> memoryview:
        """Memory for bytes from `at` on, at most `length` of them; valid until this thread asks again."""

    def keep(self, at: int, view: memoryview) -> None:
        """The memory is filled: its bytes are those from `at` on."""

    def keep_part(self, number: int) -> None:
        """A part is there to its end."""

    def stored(self, at: int, view: memoryview) -> None:
        """Fill the view with what was kept before, from `at` on."""

    def finish(self) -> None:
        """All is there and right."""

    def discard(self) -> None:
        """It will not be: leave nothing, or what may be resumed."""

    def damaged(self) -> None:
        """What is there is wrong: nothing of it may be resumed."""


class MemorySink:
    """Memory, filled in place."""

    def __init__(self) -> None:
        self.buffer = memoryview(b"")

    def prepare(self, size: int, etag: str, part_bytes: int) -> set[int]:
        """Reserve it."""
        self.buffer = new_buffer(size)
        return set()

    def view(self, at: int, length: int) -> memoryview:
        """The very place."""
        return self.buffer[at : at + min(length, 4 * _PIECE_BYTES)]

    def keep(self, at: int, view: memoryview) -> None:
        """It is there already."""

    def keep_part(self, number: int) -> None:
        """Nothing to note."""

    def stored(self, at: int, view: memoryview) -> None:
        """Copy it out."""
        view[:] = self.buffer[at : at + len(view)]

    def finish(self) -> None:
        """Nothing to do."""

    def discard(self) -> None:
        """Give the memory back."""
        self.buffer = memoryview(b"")

    def damaged(self) -> None:
        """As above."""
        self.discard()


class _Piece(threading.local):
    """A buffer for each thread, used again and again: it stays in the processor's cache."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_PIECE_BYTES))


_piece = _Piece()


class FileSink:
    """A file beside `path` that takes its name when it is whole.

    One that can be resumed is named for the object's content, and remembers behind the object's bytes, one byte
    for each part, which parts are there.
    """

    def __init__(self, path: Path, *, can_resume: bool = False) -> None:
        self.path = path
        self._can_resume = can_resume
        # Texts: a path that is taken apart anew for each step of each of ten thousand files is most of the work.
        folder, self._name = os.path.split(path)
        self._folder = folder or os.curdir
        self._partial = ""
        self._descriptor = -1
        self._size = 0

    def prepare(self, size: int, etag: str, part_bytes: int) -> set[int]:
        """Open the partial file."""
        self._size = size
        marks = -(-size // part_bytes)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if self._can_resume else os.O_EXCL)
        with self._translated(is_writing=True):
            self._partial = f"{self._folder}/.{self._name[:150]}.{self._mark(etag, part_bytes)}.partial"
            try:
                self._descriptor = os.open(self._partial, flags, 0o666)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._partial, flags, 0o666)
            if self._can_resume and not self._is_ours():
                # Another process fetches the same content to the same place: each by itself.
                self._close()
                self._can_resume = False
                return self.prepare(size, etag, part_bytes)
            if not self._can_resume:
                return set()
            if os.fstat(self._descriptor).st_size != size + marks:
                os.ftruncate(self._descriptor, 0)
                os.ftruncate(self._descriptor, size + marks)
            found = os.pread(self._descriptor, marks, size)
        return {number for number in range(marks) if found[number : number + 1] == _DONE}

    def view(self, at: int, length: int) -> memoryview:
        """This thread's buffer."""
        return _piece.view[: min(length, _PIECE_BYTES)]

    def keep(self, at: int, view: memoryview) -> None:
        """Write it."""
        with self._translated(is_writing=True):
            while len(view):
                count = os.pwrite(self._descriptor, view, at)
                at, view = at + count, view[count:]

    def keep_part(self, number: int) -> None:
        """Note it behind the bytes."""
        if self._can_resume:
            self.keep(self._size + number, memoryview(_DONE))

    def stored(self, at: int, view: memoryview) -> None:
        """Read it back."""
        with self._translated():
            while len(view):
                count = os.preadv(self._descriptor, [view], at)
                at, view = at + count, view[count:]

    def finish(self) -> None:
        """Give the file its name."""
        with self._translated(is_writing=True):
            if self._can_resume:
                os.ftruncate(self._descriptor, self._size)
            self._close()
            os.replace(self._partial, self.path)  # noqa: PTH105 - as above
            self._partial = ""

    def discard(self) -> None:
        """Remove the partial file, unless it may be resumed."""
        self._close()
        if not self._can_resume:
            self._remove()

    def damaged(self) -> None:
        """Remove the partial file."""
        self._close()
        self._remove()

    def _remove(self) -> None:
        if self._partial:
            Path(self._partial).unlink(missing_ok=True)

    def _translated(self, *, is_writing: bool = False) -> translated:
        return translated(self._name, self._folder, is_writing=is_writing)

    def _is_ours(self) -> bool:
        """True if nobody else writes the partial file, and it still has its name."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(self._descriptor), Path(self._partial).stat())
        except OSError:
            return False

    def _close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _mark(self, etag: str, part_bytes: int) -> str:
        if not self._can_resume:
            return os.urandom(8).hex()
        from hashlib import sha256

        return sha256(f"{etag} {self._size} {part_bytes}".encode()).hexdigest()[:16]
