"""Bytes by address: put what is not there yet, get what was put or an error."""

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from flowstone_datastore.address import address_of, check_address
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.storage import Buffer, OpensFiles, Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces import FlowstoneError

Verify: TypeAlias = Literal["always", "once", "never"]
"""When bytes are checked against their address: at each read; once per process and file (as long as its inode,
size and modification time are the same; objects that are no local files: always); or never."""

_Identity: TypeAlias = tuple[str, int, int, int]


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


class InvalidVerifyError(FlowstoneError, ValueError):
    """A word that does not say when to verify."""

    def __init__(self, verify: str) -> None:
        super().__init__(verify)
        self.verify = verify

    def __str__(self) -> str:
        return f"verify={self.verify!r} has no meaning; write one of {', '.join(map(repr, get_args(Verify)))}"


class ChunkStore:
    """Content-addressed bytes in a storage. May be used from any thread."""

    def __init__(self, storage: Storage, verify: Verify = "once") -> None:
        if verify not in get_args(Verify):
            raise InvalidVerifyError(verify)
        self._storage = storage
        self._files = storage if isinstance(storage, OpensFiles) else None
        self._verify = verify
        self._verified: set[_Identity] = set()

    def put(self, buffers: Sequence[Buffer]) -> ChunkRef:
        """Store the buffers' bytes, joined, as one chunk; write nothing if it is there.

        A chunk of the wrong length, which only damage can leave, is replaced.

        Raises:
            StorageError: it could not be written.
        """
        address = address_of(*buffers)
        size = sum([memoryview(buffer).nbytes for buffer in buffers])
        path = path_of(address)
        try:
            stored_size = self._storage.size(path)
        except ObjectNotFoundError:
            self._storage.write_new(path, buffers)
        else:
            if stored_size != size:
                self._storage.write(path, buffers)
        return ChunkRef(address, size)

    def get(self, address: str, *, size: int | None = None, artifact: str | None = None) -> bytearray:
        """The bytes under `address`, for the caller to keep and to change.

        `size` is how many there should be, if that is known; `artifact` says in errors what they are part of.

        Raises:
            InvalidAddressError: it is no address.
            MissingChunkError: there are no such bytes.
            DamagedChunkError: they are not what was stored.
        """
        path = path_of(check_address(address))
        try:
            if self._files is None:
                data, identity = bytearray(self._storage.read(path)), None
            else:
                data, identity = _read_file(self._files, path)
        except ObjectNotFoundError as error:
            raise MissingChunkError(address, self._storage.url, artifact) from error
        if size is not None and len(data) != size:
            raise DamagedChunkError(
                address, self._storage.url, f"it has {len(data)} bytes instead of {size}", artifact
            )
        if self._verify == "never" or (self._verify == "once" and identity in self._verified):
            return data
        found = address_of(data)
        if found != address:
            detail = f"its {len(data)} bytes have the address {found}"
            raise DamagedChunkError(address, self._storage.url, detail, artifact)
        if identity is not None:
            self._verified.add(identity)
        return data


def path_of(address: str) -> str:
    """Where a store keeps a chunk: in 256 folders, under its whole address, so that a stray file can be named."""
    return f"chunks/{address[:2]}/{address}"


def _read_file(files: OpensFiles, path: str) -> tuple[bytearray, _Identity]:
    """A file's bytes, in memory of the caller's own, and what identifies the file that they came from."""
    with files.open_file(path) as file:
        status = os.fstat(file.fileno())
        data = bytearray(status.st_size)
        filled = 0
        with memoryview(data) as view:
            while filled < len(data) and (count := file.readinto(view[filled:])):
                filled += count
    del data[filled:]
    return data, (path, status.st_ino, status.st_size, status.st_mtime_ns)
