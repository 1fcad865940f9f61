"""Objects in a dictionary: for tests, and for trying things out."""

import time
from collections.abc import Iterator
from threading import Lock

from flowstone_datastore.storage import Data, ObjectStatus, buffers_of, check_folder, check_path
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces.python_310 import Self


class MemoryStorage:
    """A `Storage` that lives and ends with this object, in this process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytearray] = {}
        self._modified: dict[str, float] = {}
        self._lock = Lock()

    @classmethod
    def from_url(cls, url: str) -> Self:  # noqa: ARG003 - every URL opens an empty one: nothing is shared by name
        """A new, empty storage, whatever stands behind `memory://`."""
        return cls()

    @property
    def url(self) -> str:
        """`memory://`, which opens another, empty one: memory is not found by name."""
        return "memory://"

    def __repr__(self) -> str:
        return f"MemoryStorage({len(self._objects)} objects)"

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Storage.read`."""
        with self._lock, memoryview(self._object(path)) as data:
            return bytes(data[start:] if length is None else data[start : start + length])

    def status(self, path: str) -> ObjectStatus:
        """See `Storage.status`."""
        return ObjectStatus(len(self._object(path)), self._modified[path])

    def touch(self, path: str) -> None:
        """See `Storage.touch`."""
        self._object(path)
        self._modified[path] = time.time()

    def write(self, path: str, data: Data) -> None:
        """See `Storage.write`."""
        check_path(path)
        with self._lock:
            self._put(path, bytearray().join(buffers_of(data)))

    def write_new(self, path: str, data: Data) -> bool:
        """See `Storage.write_new`."""
        check_path(path)
        with self._lock:
            if path in self._objects:
                return False
            self._put(path, bytearray().join(buffers_of(data)))
            return True

    def append(self, path: str, data: Data) -> int:
        """See `Storage.append`."""
        check_path(path)
        with self._lock:
            content = self._objects.get(path, bytearray())
            start = len(content)
            content += bytearray().join(buffers_of(data))
            self._put(path, content)
        return start

    def list(self, folder: str = "") -> Iterator[str]:
        """See `Storage.list`."""
        folder = check_folder(folder)
        prefix = f"{folder}/" if folder else ""
        with self._lock:
            below = [path[len(prefix) :] for path in self._objects if path.startswith(prefix)]
        return iter(sorted({_first_part(path) for path in below}))

    def delete(self, path: str) -> None:
        """See `Storage.delete`."""
        with self._lock:
            self._objects.pop(check_path(path), None)

    def _put(self, path: str, content: bytearray) -> None:
        self._objects[path] = content
        self._modified[path] = time.time()

    def _object(self, path: str) -> bytearray:
        try:
            return self._objects[check_path(path)]
        except KeyError:
            raise ObjectNotFoundError(path, self.url) from None


def _first_part(path: str) -> str:
    head, slash, _ = path.partition("/")
    return head + slash
