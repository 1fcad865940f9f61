"""What can be wrong with a chunk."""

from flowstone_datastore.address import address_of
from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError


class DamagedChunkError(FlowstoneError, ValueError):
    """The bytes under an address are not those that were stored."""

    def __init__(self, address: str, store: str, detail: str, artifact: str | None = None) -> None:
        super().__init__(address, store, detail, artifact)
        self.address = address
        self.store = store
        self.detail = detail
        self.artifact = artifact

    def __str__(self) -> str:
        touched = f", part of {self.artifact}," if self.artifact else ""
        return (
            f"chunk {self.address}{touched} in {self.store} is damaged: {self.detail}; "
            "delete its file and store the value again, or restore the file from a backup"
        )


class MissingChunkError(FlowstoneError, LookupError):
    """The store has no bytes under an address that a record names."""

    def __init__(self, address: str, store: str, artifact: str | None = None) -> None:
        super().__init__(address, store, artifact)
        self.address = address
        self.store = store
        self.artifact = artifact

    def __str__(self) -> str:
        touched = f", part of {self.artifact}," if self.artifact else ""
        return (
            f"chunk {self.address}{touched} is not in {self.store}; was it deleted, "
            "or written by a newer flowstone-datastore than this one?"
        )


def check_bytes(data: Buffer, address: str, store: str, artifact: str | None = None) -> None:
    """Nothing, if these are the bytes that the address names.

    Raises:
        DamagedChunkError: they are not.
    """
    found = address_of(data)
    if found != address:
        raise DamagedChunkError(address, store, f"its {len(data)} bytes have the address {found}", artifact)
