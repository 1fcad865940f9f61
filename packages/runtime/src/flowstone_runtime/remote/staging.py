"""The store as the place where an executor leaves requests and finds results."""

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import attrs

from flowstone_datastore import ObjectNotFoundError
from flowstone_datastore.storage import Storage


@attrs.frozen
class RunStaging:
    """See `flowstone_interfaces.Staging`: objects beside the run's journal, which are deleted with the run."""

    storage: Storage
    flow: str
    run_id: str

    @property
    def url(self) -> str:
        """The URL of the folder that has the objects."""
        parts = urlsplit(self.storage.url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{self.path_of('')}".rstrip("/")))

    def put(self, name: str, data: bytes) -> None:
        """See `Staging.put`."""
        self.storage.write(self.path_of(name), data)

    def get(self, name: str) -> bytes | None:
        """See `Staging.get`."""
        try:
            return self.storage.read(self.path_of(name))
        except ObjectNotFoundError:
            return None

    def list(self, folder: str) -> Iterable[str]:
        """See `Staging.list`."""
        return [name for name in self.storage.list(self.path_of(folder)) if not name.endswith("/")]

    def path_of(self, name: str) -> str:
        """Where in the store the object is."""
        return f"runs/{self.flow}/{self.run_id}/{name}"
