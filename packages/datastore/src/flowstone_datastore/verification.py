"""When are bytes checked against their address?"""

import contextlib
import os
from typing import Literal, TypeAlias, get_args

from flowstone_datastore.file_seal import is_sealed, seal
from flowstone_interfaces import FlowstoneError

Verify: TypeAlias = Literal["always", "once", "never"]
"""When bytes are checked against their address: at each read; once per file (until something writes to
it, replaces it, or the machine starts again; objects that are no local files: always); or never."""


class InvalidVerifyError(FlowstoneError, ValueError):
    """A word that does not say when to verify."""

    def __init__(self, verify: str) -> None:
        super().__init__(verify)
        self.verify = verify

    def __str__(self) -> str:
        return f"verify={self.verify!r} has no meaning; write one of {', '.join(map(repr, get_args(Verify)))}"


class Verification:
    """Which files were found to hold what their name says. May be used from any thread.

    A file that cannot be sealed, because it is another user's, is remembered for as long as this process lives.
    """

    def __init__(self, verify: Verify) -> None:
        if verify not in get_args(Verify):
            raise InvalidVerifyError(verify)
        self._verify = verify
        self._seen: set[tuple[str, int, int, int]] = set()

    def is_due(self, name: str, status: os.stat_result | None) -> bool:
        """Whether the bytes of this file (`None`: of no file) must be checked now."""
        if self._verify != "once" or status is None:
            return self._verify != "never"
        return not is_sealed(name, status) and _identity(name, status) not in self._seen

    def is_known_behind(self, name: str, before: str, status: os.stat_result) -> bool:
        """Whether the file is known to begin with the end of chunk `before`, and to be right as well."""
        return self._verify == "once" and is_sealed(f"{name} {before}", status)

    def passed(self, descriptor: int, name: str, status: os.stat_result, before: str | None = None) -> None:
        """The file's bytes are right: nobody need check them again. `before` is as for `written`."""
        if self._verify != "once":
            return
        try:
            if os.fstat(descriptor).st_mtime_ns == status.st_mtime_ns:  # else somebody touched it: that must stay
                seal(descriptor, _sealed_name(name, before), status)
        except OSError:
            self._seen.add(_identity(name, status))

    def written(self, descriptor: int, name: str, before: str | None = None) -> None:
        """A file was just written, with bytes whose address was computed: nobody need check them.

        `before` is the chunk, if any, with whose end the file is known to begin.
        """
        with contextlib.suppress(OSError):  # no seal: the first reader checks
            seal(descriptor, _sealed_name(name, before), os.fstat(descriptor))


def _sealed_name(name: str, before: str | None) -> str:
    return name if before is None else f"{name} {before}"


def _identity(name: str, status: os.stat_result) -> tuple[str, int, int, int]:
    return name, status.st_ino, status.st_size, status.st_mtime_ns
