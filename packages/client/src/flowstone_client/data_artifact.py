"""One stored value: known by type and size without loading it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        """The identity of its content: equal addresses, equal values."""
        return self._stored.address

    def __repr__(self) -> str:
        return f"DataArtifact({self.pathspec!r}, {self.type}, {self.size} bytes)"
