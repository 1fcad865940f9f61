"""A file that is known to hold what its name says, told by its modification time.

Whoever has written or verified a chunk seals its file: the fraction of a second of the modification time
becomes a sum of name, inode, size, second and the machine's boot. Whatever writes to the file sets
another time, a copy has another inode, and after a power cut, which may have torn the
file, the boot is another one: the seal is broken, and the next reader verifies the bytes.
A seal saves time, no more: it does not stop somebody who forges it.
"""

import os
from functools import cache
from zlib import crc32

from flowstone_datastore.process_identity import current_process

_BILLION = 1_000_000_000


def is_sealed(name: str, status: os.stat_result) -> bool:
    """True if the file was sealed under this name and not written to since."""
    return status.st_mtime_ns % _BILLION == _seal(name, status)


def seal(file: str | int, name: str, status: os.stat_result) -> None:
    """Seal a file (a path or a descriptor) that holds what `name` says, and whose status that is.

    Raises:
        OSError: it belongs to another user, or the file system is read-only.
    """
    sealed = status.st_mtime_ns // _BILLION * _BILLION + _seal(name, status)
    os.utime(file, ns=(status.st_atime_ns, sealed))


def _seal(name: str, status: os.stat_result) -> int:
    known = f"{name} {status.st_ino} {status.st_size} {status.st_mtime_ns // _BILLION} {_boot_id()}"
    return crc32(known.encode()) % _BILLION  # BLAKE3 would be a twentieth of the time that loading a frame takes


@cache
def _boot_id() -> str:
    return current_process().boot_id
