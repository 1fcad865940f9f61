"""The locks that were made on this machine, by the declaration that they are for."""

import os
import tempfile
from pathlib import Path

import attrs

from flowstone_runtime.environments.request import EnvironmentRequest, Lock


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
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(lock.to_text())
        Path(name).replace(self.folder / f"{lock.request.key}.json")
