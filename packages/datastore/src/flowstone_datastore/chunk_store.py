"""Bytes by address: put what is not there yet, get what was put or an error."""

import os
import time
from collections.abc import Callable, Sequence
from stat import S_ISREG

from flowstone_datastore.address import address_of, check_address
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.cached_reading import CachedReading
from flowstone_datastore.chunk_errors import DamagedChunkError, MissingChunkError, check_bytes
from flowstone_datastore.chunk_file import LEAD_MODULUS, chunk_behind, path_of
from flowstone_datastore.chunk_mapping import ChunkMapping, placed
from flowstone_datastore.file_reading import read_file
from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.mapping import Region
from flowstone_datastore.storage import Buffer, ObjectStatus, OpensFiles, Storage
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_datastore.verification import Verification, Verify

COMPRESSED_SUFFIX = ".zst"

REFRESH_SECONDS = 6 * 3600
"""A chunk that is older is touched when somebody stores it again: collection takes nothing that is
younger than its period of grace, which is a day, so what a writer relies on stays until its record is written."""

LARGEST_CHUNK = 1 << 31
"""Bytes. More than any writer makes; what claims to be larger is not unpacked."""

_LEAST_COMPRESSED = 64 * 1024
"""Bytes. For less, loading zstd costs a task more than it saves."""


class ChunkStore:
    """Content-addressed bytes in a storage. May be used from any thread."""

    def __init__(self, storage: Storage, verify: Verify = "once") -> None:
        self._storage = storage
        self._files = storage if isinstance(storage, OpensFiles) else None
        self._root = f"{storage.root}/" if isinstance(storage, FileStorage) else None
        self._verification = Verification(verify)
        self._mapping = None
        if self._files is not None:
            self._mapping = ChunkMapping(self._files, storage.url, self._verification)
        self._objects = CachedReading(storage, self._verification)

    @property
    def maps_files(self) -> bool:
        """Whether chunks are files of this machine, which can be mapped."""
        return self._files is not None

    def put(
        self,
        buffers: Sequence[Buffer],
        *,
        lead: Buffer | None = None,
        before: ChunkRef | None = None,
        address: str | None = None,
    ) -> ChunkRef:
        """Store the buffers' bytes, joined, as one chunk; write nothing if it is there.

        `lead` is for what will be mapped, and so is not compressed: what stands before the chunk in its blob on
        the page on which it begins (`lead_before`), `before` the chunk of which that is the end, if it is known.
        `address` is that of the bytes, if it was just computed. A chunk of the wrong length, which only damage can
        leave, is replaced.

        Raises:
            StorageError: it could not be written.
        """
        address = address or address_of(*buffers)
        chunk = ChunkRef(address, sum([memoryview(buffer).nbytes for buffer in buffers]))
        path = path_of(address)
        if self._files is not None and lead is not None:
            self._write_file(self._files, chunk, (lead, *buffers), chunk_behind(before, memoryview(lead).nbytes))
        elif chunk.size >= _LEAST_COMPRESSED and (packed := _packed(buffers)) is not None:
            self._write(path + COMPRESSED_SUFFIX, (packed,), range(len(packed), len(packed) + 1))
        elif self._files is not None:
            self._write_file(self._files, chunk, buffers)
        else:
            self._write(path, buffers, range(chunk.size, chunk.size + 1))
        return chunk

    def clear_lead(self, chunk: ChunkRef) -> None:
        """Leave nothing but zeros before a chunk: what stood before it in the blob of its first writer is to go.

        Raises:
            MissingChunkError, DamagedChunkError: as `get`.
            StorageError: it could not be written.
        """
        path = path_of(chunk.address)
        try:
            lead = self._storage.status(path).size - chunk.size
        except ObjectNotFoundError:
            return  # it is compressed, and so has no lead
        if 0 < lead < LEAD_MODULUS and self._files is not None:
            data = self.get(chunk.address, size=chunk.size)
            self._files.write_file(path, (bytes(lead), data), self._sealing(chunk.address))

    def get(self, address: str, *, size: int | None = None, artifact: str | None = None) -> bytearray:
        """The bytes under `address`, for the caller to keep and to change.

        `size` is how many there should be, if that is known; `artifact` says in errors what they are part of.

        Raises:
            InvalidAddressError: it is no address.
            MissingChunkError: there are no such bytes.
            DamagedChunkError: they are not what was stored.
        """
        path = path_of(check_address(address))
        if self._files is None:
            return self._get_far(address, size, artifact)
        try:
            with self._files.open_file(path) as file:
                status = os.fstat(file.fileno())
                data = read_file(file, status.st_size)
                if size is not None and 0 < len(data) - size < LEAD_MODULUS:
                    del data[: len(data) - size]  # the lead
                return self._checked(data, address, size, artifact, file.fileno(), status)
        except ObjectNotFoundError:
            return self._get_compressed(address, size, artifact)

    def put_all_into(
        self, region: Region, chunks: Sequence[ChunkRef], offset: int, artifact: str | None = None
    ) -> None:
        """Bring the bytes of a blob's chunks, side by side, to `offset` of a region, where a page begins.

        Raises:
            MissingChunkError: some of them are not in the store.
            DamagedChunkError: some of them are not what was stored.
        """
        mapping = self._mapping
        for place in mapping.map_quickly(region, chunks, offset) if mapping else placed(chunks, offset):
            chunk = place.chunk
            try:
                if mapping is not None:
                    mapping.put(region, place, artifact)
                    continue
            except ObjectNotFoundError:
                pass  # it may be compressed
            data = self.get(chunk.address, size=chunk.size, artifact=artifact)
            region.view[place.start : place.start + chunk.size] = data

    def _write(self, path: str, buffers: Sequence[Buffer], sizes: range) -> None:
        """Write an object, unless there is one of a size that it may have."""
        status = self._status(path)
        if status is None:
            self._storage.write_new(path, buffers)
        elif not self._stays(path, status, sizes):
            self._storage.write(path, buffers)

    def _write_file(
        self, files: OpensFiles, chunk: ChunkRef, buffers: Sequence[Buffer], before: str | None = None
    ) -> None:
        """As `_write`, and nobody need check the bytes. Of two writers' files the later one stays."""
        path = path_of(chunk.address)
        status = self._status(path)
        if status is None or not self._stays(path, status, range(chunk.size, chunk.size + LEAD_MODULUS)):
            files.write_file(path, buffers, self._sealing(chunk.address, before))

    def _sealing(self, address: str, before: str | None = None) -> Callable[[int], None]:
        return lambda descriptor: self._verification.written(descriptor, address, before)

    def _stays(self, path: str, status: ObjectStatus, sizes: range) -> bool:
        """Whether what is there is as long as it should be; then it is kept from collection."""
        if status.size not in sizes:
            return False
        if time.time() - status.modified > REFRESH_SECONDS:
            try:
                self._storage.touch(path)
            except ObjectNotFoundError:  # it was collected just now
                return False
        return True

    def _status(self, path: str) -> ObjectStatus | None:
        if self._root is not None:  # as cheap as can be: for each chunk
            try:
                status = os.stat(f"{self._root}{path}")  # noqa: PTH116
            except FileNotFoundError:
                return None
            except OSError:
                pass  # the storage says what that means
            else:
                return ObjectStatus(status.st_size, status.st_mtime) if S_ISREG(status.st_mode) else None
        try:
            return self._storage.status(path)
        except ObjectNotFoundError:
            return None

    def _get_compressed(self, address: str, size: int | None, artifact: str | None) -> bytearray:
        try:
            frame = self._storage.read(path_of(address) + COMPRESSED_SUFFIX)
        except ObjectNotFoundError as error:
            raise MissingChunkError(address, self._storage.url, artifact) from error
        return self._checked(self._unpacked(frame, address, size, artifact), address, size, artifact)

    def _get_far(self, address: str, size: int | None, artifact: str | None) -> bytearray:
        """A chunk that is no file: asked for first under the name that one of its size probably has."""
        path = path_of(address)
        names = (path, path + COMPRESSED_SUFFIX)

        def unpack(name: str, data: Buffer) -> bytearray:
            is_packed = name.endswith(COMPRESSED_SUFFIX)
            found = self._unpacked(data, address, size, artifact) if is_packed else bytearray(data)
            return self._measured(found, address, size, artifact)

        try:
            return self._objects.read(
                names if (size or 0) < _LEAST_COMPRESSED else names[::-1],
                unpack,
                lambda data: self._verify(data, address, artifact),
            )
        except ObjectNotFoundError as error:
            raise MissingChunkError(address, self._storage.url, artifact) from error

    def _unpacked(self, frame: Buffer, address: str, size: int | None, artifact: str | None) -> bytearray:
        from flowstone_datastore.compression import InvalidFrameError, decompress

        try:
            return bytearray(decompress(frame, LARGEST_CHUNK if size is None else size))
        except InvalidFrameError as error:
            raise self._damaged(address, str(error), artifact) from error

    def _measured(self, data: bytearray, address: str, size: int | None, artifact: str | None) -> bytearray:
        if size is not None and len(data) != size:
            raise self._damaged(address, f"it has {len(data)} bytes instead of {size}", artifact)
        return data

    def _checked(
        self,
        data: bytearray,
        address: str,
        size: int | None,
        artifact: str | None,
        descriptor: int = -1,
        status: os.stat_result | None = None,
    ) -> bytearray:
        """`data`, of an open file or of none, if it is what the address says, as far as that must be checked."""
        self._measured(data, address, size, artifact)
        if self._verification.is_due(address, status):
            self._verify(data, address, artifact)
            if status is not None:
                self._verification.passed(descriptor, address, status)
        return data

    def _verify(self, data: Buffer, address: str, artifact: str | None) -> None:
        check_bytes(data, address, self._storage.url, artifact)

    def _damaged(self, address: str, detail: str, artifact: str | None) -> DamagedChunkError:
        return DamagedChunkError(address, self._storage.url, detail, artifact)


def _packed(buffers: Sequence[Buffer]) -> bytes | None:
    """The buffers' bytes compressed, or `None` if that does not pay."""
    from flowstone_datastore.compression import compress, pays

    whole = memoryview(buffers[0] if len(buffers) == 1 else b"".join(buffers)).cast("B")
    return compress(whole) if pays(whole) else None
