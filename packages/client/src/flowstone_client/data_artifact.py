"""One stored value: known by type and size without loading it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from flowstone_datastore import Artifact, Datastore


class DataArtifact:
    """An artifact of a task; made by `Task`."""

    def __init__(self, pathspec: str, stored: "Artifact", datastore: "Datastore") -> None:
        self._stored = stored
        self._datastore = datastore
        self.pathspec = pathspec
        self.id = pathspec.rpartition("/")[2]

    @property
    def data(self) -> Any:
        """The value, loaded anew each time.

        Loading runs what the stored pickle says: load only from stores whose writers you trust.

        Raises:
            UnimportableTypeError: a package or class that the value needs is not installed here.
            DamagedChunkError: its bytes are not what was stored.
        """
        return self._datastore.artifacts.load(self._stored, name=self.pathspec)

    def export(self, path: "str | os.PathLike[str]") -> "Path":
        """Write the value to a file that programs without flowstone open; the file's absolute path.

        Frames and Arrow tables become an Arrow IPC file (Feather V2), numpy arrays a `.npy` file, bytes and texts
        a file of them, dicts and lists of plain values JSON; installed packages may add types. The file appears
        complete, in place of the one that was there, or not at all.

        Raises:
            NotExportableError: values of this type cannot be exported, or this one cannot.
            ExportFailedError: there is no such folder, `path` is a folder, the disk is full.
            and whatever `data` raises.
        """
        return self._datastore.artifacts.export(self._stored, path, name=self.pathspec)

    @property
    def type(self) -> str:
        """Module and name of its class; nothing is loaded."""
        return self._stored.type

    @property
    def size(self) -> int:
        """Its size in bytes before compression; nothing is loaded."""
        return self._stored.size

    @property
    def address(self) -> str:
        """The identity of its content: equal addresses, equal values; dicts in another order are equal."""
        return self._stored.address

    def __repr__(self) -> str:
        return f"DataArtifact({self.pathspec!r}, {self.type}, {self.size} bytes)"
