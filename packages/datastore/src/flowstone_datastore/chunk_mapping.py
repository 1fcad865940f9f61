"""The chunk files of a blob -> a region: mapped where that is possible, and verified where that is due.

A large frame has thousands of files, so those that are as almost all are (there, verified, laid out for their
place) are mapped in as few steps as can be. All else takes its time.
"""

import os
from collections.abc import Sequence

import attrs

from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.chunk_errors import DamagedChunkError, check_bytes
from flowstone_datastore.chunk_file import LEAD_MODULUS, chunk_behind, path_of
from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.mapping import Region, Seam
from flowstone_datastore.storage import OpensFiles
from flowstone_datastore.verification import Verification

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)


@attrs.frozen
class Placed:
    """A chunk and where its bytes belong."""

    chunk: ChunkRef
    start: int
    """The place of its first byte in the region."""
    before: ChunkRef | None
    """The chunk of the same blob whose bytes stand before it."""


def placed(chunks: Sequence[ChunkRef], offset: int) -> list[Placed]:
    """The chunks of a blob that begins at `offset`, in order."""
    found: list[Placed] = []
    before = None
    for chunk in chunks:
        found.append(Placed(chunk, offset, before))
        offset, before = offset + chunk.size, chunk
    return found


class ChunkMapping:
    """Maps the chunks of a storage whose objects are files. May be used from any thread."""

    def __init__(self, files: OpensFiles, url: str, verification: Verification) -> None:
        self._files = files
        self._url = url
        self._verification = verification
        # Other storages may want to know which of their files are used.
        self._root = f"{files.root}/" if isinstance(files, FileStorage) else None

    def map_quickly(self, region: Region, chunks: Sequence[ChunkRef], offset: int) -> list[Placed]:
        """Map a blob's chunks to `offset`, where a page begins; those, in order, that `put` must bring there."""
        if self._root is None:
            return placed(chunks, offset)
        left = []
        seam: Seam = "free"
        end = offset + sum([chunk.size for chunk in chunks])
        for number in range(len(chunks) - 1, -1, -1):
            chunk, before = chunks[number], chunks[number - 1] if number else None
            start = end - chunk.size
            mapped = self._map_one(region, before, chunk, start, end, seam)
            if mapped is None:
                left.append(Placed(chunk, start, before))
            seam, end = mapped or "open", start
        return left[::-1]

    def put(self, region: Region, place: Placed, artifact: str | None) -> None:
        """Bring a chunk's bytes to its place: mapped if they can be, read if not. What stands before it is there.

        Raises:
            ObjectNotFoundError: there is no such file.
            DamagedChunkError: it does not hold what was stored.
        """
        chunk, start = place.chunk, place.start
        with self._files.open_file(path_of(chunk.address)) as file:
            descriptor = file.fileno()
            status = os.fstat(descriptor)
            lead = status.st_size - chunk.size
            if not 0 <= lead < LEAD_MODULUS:
                detail = f"its file has {status.st_size} bytes instead of {chunk.size}"
                raise DamagedChunkError(chunk.address, self._url, detail, artifact)
            region.fill(descriptor, lead, start, start + chunk.size)
            if self._verification.is_due(chunk.address, status):
                check_bytes(region.view[start : start + chunk.size], chunk.address, self._url, artifact)
                behind = chunk_behind(place.before, lead)
                if behind is not None and os.pread(descriptor, lead, 0) != region.view[start - lead : start]:
                    behind = None
                self._verification.passed(descriptor, chunk.address, status, behind)

    def _map_one(
        self, region: Region, before: ChunkRef | None, chunk: ChunkRef, start: int, end: int, seam: Seam
    ) -> Seam | None:
        """The seam with the chunk before it; `None`, and no change, if it is not mapped."""
        address = chunk.address
        try:
            descriptor = os.open(f"{self._root}{path_of(address)}", _READ)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            lead = status.st_size - chunk.size
            behind = chunk_behind(before, lead)
            is_filled = behind is not None and self._verification.is_known_behind(address, behind, status)
            if not is_filled and self._verification.is_due(address, status):
                return None
            if region.map_from_end(descriptor, lead, start, end, seam):
                return "filled" if is_filled else "open"
        except OSError:
            pass  # as if it could not be mapped
        finally:
            os.close(descriptor)
        return None
