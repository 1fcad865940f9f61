"""Deployments: what production runs start from, kept by content and never changed."""

from collections.abc import Iterator

import attrs

from flowstone_datastore.address import address_of, check_address
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.record_line import from_line, to_json, to_line
from flowstone_datastore.records import RunStarted
from flowstone_datastore.storage import Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.pathspec import check_part

_FOLDER = "deployments"
_SUFFIX = ".jsonl"
_PREFIX = b"flowstone-deployment\n"


class DeploymentNotFoundError(FlowstoneError, LookupError):
    """No deployment of a flow has this version."""

    def __init__(self, flow: str, version: str, store: str) -> None:
        super().__init__(flow, version, store)
        self.flow = flow
        self.version = version
        self.store = store

    def __str__(self) -> str:
        return f"{self.store} has no deployment {self.version} of {self.flow}; was it created with another store?"


class DamagedDeploymentError(FlowstoneError, ValueError):
    """A deployment that is not as it was written."""

    def __init__(self, flow: str, version: str, detail: str) -> None:
        super().__init__(flow, version, detail)
        self.flow = flow
        self.version = version
        self.detail = detail

    def __str__(self) -> str:
        return f"the deployment {self.version} of {self.flow} is damaged ({self.detail}); create it again"


class Deployments:
    """The deployments of a store. Each is the first record of its runs, but for what differs from run to run."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, record: RunStarted) -> str:
        """Keep a deployment, unless there is an equal one; its version: the address of all but its time.

        Its `run_id` means nothing. All that it names must be stored before.

        Raises:
            InvalidRecordError: an opaque field holds what is not JSON.
            StorageError: it could not be written.
        """
        version = address_of(_PREFIX, to_json_text(to_json(attrs.evolve(record, time=0.0, run_id="unnamed"))))
        self._storage.write_new(self._path(record.flow, version), to_line(record))
        return version

    def read(self, flow: str, version: str) -> RunStarted:
        """The deployment of this version.

        Raises:
            DeploymentNotFoundError: there is none.
            DamagedDeploymentError: it is not as it was written.
            InvalidAddressError: the version is none.
        """
        try:
            data = self._storage.read(self._path(flow, version))
        except ObjectNotFoundError:
            raise DeploymentNotFoundError(flow, version, self._storage.url) from None
        try:
            record = from_line(data.removesuffix(b"\n"))
        except InvalidRecordError as error:
            raise DamagedDeploymentError(flow, version, error.detail) from error
        if not isinstance(record, RunStarted):
            raise DamagedDeploymentError(flow, version, "it says of no run how it starts")
        return record

    def versions(self, flow: str) -> tuple[str, ...]:
        """All versions of a flow's deployments, sorted."""
        names = self._storage.list(f"{_FOLDER}/{check_part(flow)}")
        return tuple([name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)])

    def all(self) -> Iterator[tuple[str, str]]:
        """Flow and version of every deployment, sorted."""
        for folder in self._storage.list(_FOLDER):
            if folder.endswith("/"):
                flow = folder.removesuffix("/")
                yield from ((flow, version) for version in self.versions(flow))

    def delete(self, flow: str, version: str) -> None:
        """Forget a deployment; nothing happens if there is none. Its runs keep what they name."""
        self._storage.delete(self._path(flow, version))

    def _path(self, flow: str, version: str) -> str:
        return f"{_FOLDER}/{check_part(flow)}/{check_address(version)}{_SUFFIX}"
