"""What can go wrong between a store and the place that keeps its bytes."""

from flowstone_interfaces import FlowstoneError


class StorageError(FlowstoneError):
    """The root of everything that a storage backend raises."""


class InvalidObjectPathError(StorageError, ValueError):
    """A path that no store would write: absolute, with `..`, or with other than plain characters."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path!r} is no path inside a store; write parts of letters, digits and '_.~-' between '/', "
            "none of them '.' or '..'"
        )


class ObjectNotFoundError(StorageError, LookupError):
    """The storage holds no object under this path."""

    def __init__(self, path: str, store: str) -> None:
        super().__init__(path, store)
        self.path = path
        self.store = store

    def __str__(self) -> str:
        return f"there is no {self.path} in {self.store}; was it deleted, or is this another store?"


class StorageFailedError(StorageError, OSError):
    """The operating system or the service refused, for a reason of its own.

    `errno`, `strerror` and `filename` are those of `OSError`.
    """

    def __init__(self, errno: int, strerror: str, filename: str) -> None:
        super().__init__(errno, strerror, filename)

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be used: {self.strerror}; check the disk and the folder that hold the store"
        )


class StoreFullError(StorageFailedError):
    """No space, or no quota, or no larger file allowed. Nothing partial was left."""

    def __str__(self) -> str:
        return f"{self.filename} could not be written: {self.strerror}; free some space, or store somewhere else"


class StoreNotWritableError(StorageError, PermissionError):
    """The store may be read, perhaps, but not written."""

    def __init__(self, errno: int, strerror: str, filename: str) -> None:
        super().__init__(errno, strerror, filename)

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be written: {self.strerror}; "
            "make the folder writable for this user, or store somewhere else"
        )
