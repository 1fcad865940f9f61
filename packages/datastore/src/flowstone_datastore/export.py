"""A value -> a file of the user's, whole or not at all."""

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from pathlib import Path

    from flowstone_datastore.serializer import Exporter


class NotExportableError(FlowstoneError, TypeError):
    """A value that no exporter can write into a file."""

    def __init__(self, type_name: str, detail: str) -> None:
        super().__init__(type_name, detail)
        self.type_name = type_name
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"a value of type {self.type_name} cannot be exported: {self.detail}; load it and write it as you "
            "need it, or install a package that exports it (entry-point group flowstone.serializers)"
        )


class ExportFailedError(FlowstoneError, OSError):
    """The file of an export could not be written; nothing partial was left.

    `errno`, `strerror` and `filename` are those of `OSError`.
    """

    def __init__(self, errno: int, strerror: str, filename: str) -> None:
        super().__init__(errno, strerror, filename)

    def __str__(self) -> str:
        return f"nothing was exported to {self.filename}: {self.strerror}; choose a file in a folder that takes it"


def export_value(value: Any, type_name: str, exporter: "Exporter | None", path: str | os.PathLike[str]) -> "Path":
    """Write a value to a file, which appears complete, in place of one that was there; its absolute path.

    Raises:
        NotExportableError: there is no exporter, or it cannot write this value.
        ExportFailedError: there is no such folder, `path` is a folder or a device, the disk is full.
    """
    if exporter is None:
        raise NotExportableError(type_name, "nothing that is installed writes this type")
    from pathlib import Path  # 4 ms, for what most processes never do

    target = Path(os.path.realpath(path))  # of a link, the file that it points to is replaced
    _check_target(target)
    # The suffix stays: some libraries choose a format by it, or append their own.
    beside = target.with_name(f".{os.urandom(8).hex()}{target.suffix}")
    try:
        exporter.export(value, str(beside))
        beside.replace(target)
    except OSError as error:
        number = error.errno or errno.EIO
        raise ExportFailedError(number, error.strerror or str(error), str(target)) from error
    except MemoryError:
        raise
    except ImportError as error:
        raise NotExportableError(type_name, f"{error} (pip install 'flowstone-datastore[frames]')") from error
    except Exception as error:
        raise NotExportableError(type_name, str(error) or type(error).__name__) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return target


def _check_target(target: "Path") -> None:
    if not target.parent.is_dir():
        raise ExportFailedError(errno.ENOENT, f"there is no folder {target.parent}", str(target))
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # there is nothing yet, or writing will say what is wrong
    if stat.S_ISDIR(mode):
        raise ExportFailedError(errno.EISDIR, "it is a folder", str(target))
    if not stat.S_ISREG(mode):
        raise ExportFailedError(errno.EINVAL, "it is no file", str(target))
