"""What this machine has packed before: the second run does not read thousands of files to pack them again."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from flowstone_datastore.storage import Storage
from flowstone_runtime.environments.whole_file import write_whole
from flowstone_runtime.remote.archive import Archive, has_archive, put_archive
from flowstone_runtime.remote.bundle import BundleFiles


@attrs.frozen
class KnownArchives:
    """A folder with a note for each set of files: what they were packed as."""

    folder: Path | None
    """`None` to remember nothing."""

    def of_files(self, storage: Storage, found: BundleFiles) -> Archive:
        """The archive of these files as they are now, stored if the store does not have it.

        Raises:
            StorageError: it could not be written.
        """
        return self._known(
            storage,
            _fingerprint(found.files),
            lambda: put_archive(storage, found.contents(), found.programs),
        )

    def of_content(self, storage: Storage, key: str, put: Callable[[], Archive]) -> Archive:
        """The archive of what `key` names for ever; `put` packs and stores it.

        Raises:
            StorageError: it could not be written.
        """
        return self._known(storage, hashlib.sha256(key.encode()).hexdigest(), put)

    def _known(self, storage: Storage, key: str, put: Callable[[], Archive]) -> Archive:
        note = None if self.folder is None else self.folder / f"{key}.json"
        if note is not None:
            try:
                known = Archive.from_json(json.loads(note.read_bytes()))
            except (OSError, ValueError, KeyError):  # none yet, or not ours
                pass
            else:
                if has_archive(storage, known):
                    return known
        made = put()
        if note is not None:
            write_whole(note, json.dumps(made.to_json()))
        return made


def _fingerprint(files: Mapping[str, Path]) -> str:
    """Changes when one of the files does: installers and editors set times."""
    digest = hashlib.sha256(sys.version.encode())
    for path, file in sorted(files.items()):
        status = file.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_mode}\n".encode())
    return digest.hexdigest()
