"""An error of the operating system, in the words of a storage."""

import errno
import os
from types import TracebackType

from flowstone_datastore.storage_errors import (
    ObjectNotFoundError,
    StorageError,
    StorageFailedError,
    StoreFullError,
    StoreNotWritableError,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}
_NOT_FOUND = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class translated:  # noqa: N801 - a context manager, read as a verb; a generator would cost 1 us per object
    """Raise `OSError` of the body as the `StorageError` that it means for an object of a root."""

    __slots__ = ("_is_writing", "_path", "_root")

    def __init__(self, path: str, root: str, *, is_writing: bool = False) -> None:
        self._path = path
        self._root = root
        self._is_writing = is_writing

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Translate what came out of the body, if it is the operating system's."""
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise _meaning(error, self._path, self._root, is_writing=self._is_writing) from error


def _meaning(error: OSError, path: str, root: str, *, is_writing: bool) -> StorageError:
    number = error.errno or errno.EIO
    reason = error.strerror or os.strerror(number)
    where = f"{root}/{path}"
    if number in _FULL:
        return StoreFullError(number, reason, where)
    if is_writing and number in _NOT_WRITABLE:
        return StoreNotWritableError(number, reason, where)
    if not is_writing and number in _NOT_FOUND:
        return ObjectNotFoundError(path, root)
    return StorageFailedError(number, reason, where)


def without_hard_links(error: OSError) -> bool:
    """True if a file system says by this that it knows no hard links, or no more of them."""
    return error.errno in _NO_HARD_LINKS
