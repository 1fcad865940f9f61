"""The locks that were made on this machine, by the declaration that they are for."""

from pathlib import Path

import attrs

from flowstone_runtime.environments.request import EnvironmentRequest, Lock
from flowstone_runtime.environments.whole_file import write_whole


@attrs.frozen
class LockMemory:
    """A folder with a file for each request; whoever deletes it has packages chosen anew."""

    folder: Path

    def find(self, request: EnvironmentRequest) -> Lock | None:
        """The lock that was made for an equal request."""
        try:
            return Lock.from_text((self.folder / f"{request.key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or not ours: it is made anew
            return None

    def keep(self, lock: Lock) -> None:
        """Remember the lock; of two made at once, the later stays."""
        write_whole(self.folder / f"{lock.request.key}.json", lock.to_text())
