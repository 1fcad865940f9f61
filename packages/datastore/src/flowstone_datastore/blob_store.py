"""Memory in, blobs out, and back: cut into chunks, stored side by side, mapped again."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from flowstone_datastore.address import address_of, blob_address
from flowstone_datastore.artifact import Blob, ChunkRef
from flowstone_datastore.chunk_file import lead_before
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.chunking import WHOLE_BYTES, average_of, cuts
from flowstone_datastore.known_cuts import KnownCuts
from flowstone_datastore.loaded_memory import LoadedMemory, PackedChunks
from flowstone_datastore.mapping import Region, can_map, pages
from flowstone_datastore.scattered_buffer import Memory, ScatteredBuffer, in_one_piece, parts_of
from flowstone_datastore.storage import Buffer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_RUN_BYTES = 1 << 20
"""Short segments of a stream are stored together up to so many bytes."""
_LEAST_SHARED_CHUNK = 1 << 20
"""Bytes. Threads that write smaller files spend more time waiting for each other than they save."""
_LONG_SEGMENT = 256 * 1024
"""Bytes. A long segment is one value of a pickle: a text, or bytes."""
_LEAST_SHARED_BYTES = 8 << 20
"""Less, beside the largest buffer, is stored before a second thread has helped."""
_FILE_WRITERS = 4
_CONNECTIONS = 16
_LEAST_MAPPED = 64 * 1024
"""Bytes. Less is read: faster than mapping, and no mapping of the process's 65,530 is used."""
_REGION_BYTES = 4 << 20
"""Blobs of up to so many bytes together are mapped into one region, and so are freed together."""

_Piece: TypeAlias = tuple[Memory, memoryview, str | None]
"""A chunk to be stored: its bytes, its lead, and its address if that is known."""


class BlobStore:
    """Large memory in a chunk store. May be used from any thread."""

    def __init__(self, chunks: ChunkStore) -> None:
        self._chunks = chunks
        self._known = KnownCuts()
        self._loaded = LoadedMemory()
        self._workers = _FILE_WRITERS if chunks.maps_files else _CONNECTIONS

    def put(self, buffers: Sequence[Memory]) -> tuple[Blob, ...]:
        """Store each buffer as a blob, several chunks at once.

        Raises:
            StorageError: a chunk could not be written.
        """
        if not buffers:
            return ()
        buffers = [*map(in_one_piece, buffers)]
        found = [*map(self._put_again, buffers)]
        rest = iter(self._put_all([buffer for buffer, blob in zip(buffers, found, strict=True) if blob is None]))
        return tuple([blob or next(rest) for blob in found])

    def _put_again(self, memory: Memory) -> Blob | None:
        """The blob of what was loaded from here and is as it was, all of it: it is not worth a thread."""
        if isinstance(memory, ScatteredBuffer):
            return None
        kept = self._loaded.untouched(memory)
        if sum([chunk.size for chunk in kept.values()]) != memory.nbytes or not kept:
            return None
        before = None
        for start, chunk in kept.items():
            piece = (memory[start : start + chunk.size], lead_before(memory, start), chunk.address)
            before = self._put_piece(piece, before)
        self._known.remember(memory, [*kept.values()])
        return Blob.of_chunks(*kept.values())

    def _put_all(self, buffers: Sequence[Memory]) -> tuple[Blob, ...]:
        if not buffers:
            return ()
        largest = max([buffer.nbytes for buffer in buffers])
        has_large_chunks = average_of(largest) >= _LEAST_SHARED_CHUNK
        if self._chunks.maps_files and not has_large_chunks:
            if sum([buffer.nbytes for buffer in buffers]) - largest < _LEAST_SHARED_BYTES:
                return tuple(map(self._put_in_order, buffers))
            with _threads(self._workers) as pool:
                return tuple(pool.map(self._put_in_order, buffers))
        with _threads(self._workers) as pool:
            pending = [pool.map(self._put_piece, self._pieces(buffer)) for buffer in buffers]
            return tuple([self._blob(buffer, refs) for buffer, refs in zip(buffers, pending, strict=True)])

    def put_stream(self, segments: Sequence[Buffer]) -> Blob:
        """Store the segments, joined, as a blob that is read whole: long ones in chunks, small ones together.

        Raises:
            StorageError: a chunk could not be written.
        """
        return Blob.of_chunks(*map(self._chunks.put, _runs(segments)))

    def get(self, blob: Blob, artifact: str) -> Buffer:
        """The bytes of one blob: as `get_all`."""
        return self.get_all((blob,), artifact)[0]

    def get_all(self, blobs: Sequence[Blob], artifact: str, *, is_own_cut: bool = False) -> list[Buffer]:
        """The bytes of each blob, in memory that the caller may keep and change; mapped, where that pays.

        `is_own_cut`: they were cut by the rule of `chunking`, so who stores them again need not search for cuts.

        Raises:
            MissingChunkError: some of them are not in the store.
            DamagedChunkError: some of them are not what was stored.
        """
        found = self._read_files(blobs, artifact) if self._chunks.maps_files else self._fetched(blobs, artifact)
        if is_own_cut:
            for blob, data in zip(blobs, found, strict=True):
                memory, packed = memoryview(data), PackedChunks.of(blob.chunks)
                self._known.remember_later(memory, packed)
                self._loaded.note(memory, packed)
        return found

    def _read_files(self, blobs: Sequence[Blob], artifact: str) -> list[Buffer]:
        can_be_mapped = can_map()
        found: list[Buffer] = []
        together: list[Blob] = []
        for blob in blobs:
            is_mapped = can_be_mapped and blob.inline is None and blob.size >= _LEAST_MAPPED
            if together and not (is_mapped and sum([each.size for each in together]) + blob.size <= _REGION_BYTES):
                found += self._mapped(together, artifact)
                together = []
            if is_mapped:
                together.append(blob)
            else:
                found.append(_joined(blob, map(self._getter(artifact), blob.chunks)))
        return found + self._mapped(together, artifact)

    def _fetched(self, blobs: Sequence[Blob], artifact: str) -> list[Buffer]:
        """Blobs from far away: chunks of all of them are under way at once."""
        chunks = [chunk for blob in blobs for chunk in blob.chunks]
        if len(chunks) <= 1:
            return [_joined(blob, map(self._getter(artifact), blob.chunks)) for blob in blobs]
        with _threads(min(self._workers, len(chunks))) as pool:
            try:
                arriving = pool.map(self._getter(artifact), chunks)
                return [_joined(blob, itertools.islice(arriving, len(blob.chunks))) for blob in blobs]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _getter(self, artifact: str) -> Callable[[ChunkRef], bytearray]:
        return lambda chunk: self._chunks.get(chunk.address, size=chunk.size, artifact=artifact)

    def _mapped(self, blobs: Sequence[Blob], artifact: str) -> list[Buffer]:
        """Blobs that share a region: making one costs as much as mapping a chunk."""
        if not blobs:
            return []
        region = Region(sum([pages(blob.size) for blob in blobs]))
        offset = 0
        views: list[Buffer] = []
        for blob in blobs:
            self._chunks.put_all_into(region, blob.chunks, offset, artifact)
            views.append(region.view[offset : offset + blob.size])
            offset += pages(blob.size)
        return views

    def _pieces(self, memory: Memory) -> Iterator[_Piece]:
        """The chunks of what left a pickle; where most of it is known, this computes their addresses."""
        if isinstance(memory, ScatteredBuffer):
            yield from _pieces_of_scattered(memory)
        else:
            for cut in self._known.cut(memory, self._loaded.untouched(memory)):
                yield memory[cut.start : cut.end], lead_before(memory, cut.start), cut.address

    def _put_in_order(self, memory: Memory) -> Blob:
        chunks: list[ChunkRef] = []
        for piece in self._pieces(memory):
            chunks.append(self._put_piece(piece, chunks[-1] if chunks else None))
        return self._blob(memory, chunks)

    def _put_piece(self, piece: _Piece, before: ChunkRef | None = None) -> ChunkRef:
        data, lead, address = piece
        return self._chunks.put(parts_of(data), lead=lead, before=before, address=address)

    def _blob(self, memory: Memory, refs: Iterable[ChunkRef]) -> Blob:
        chunks = tuple(refs)
        if isinstance(memory, memoryview):
            self._known.remember(memory, chunks)
        return Blob.of_chunks(*chunks)


def _joined(blob: Blob, chunks: Iterable[bytearray]) -> bytearray:
    """The blob's own bytes, or those of its chunks."""
    if blob.inline is not None:
        return bytearray(blob.inline)
    parts = [*chunks]
    return parts[0] if len(parts) == 1 else bytearray().join(parts)


def _threads(count: int) -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor  # 7 ms, for what small values never need

    return ThreadPoolExecutor(count)


def address_of_cut(memory: Memory) -> str:
    """The address of the blob that `BlobStore.put` would make."""
    if isinstance(memory, ScatteredBuffer):
        return blob_address([address_of(*parts_of(data)) for data, _, _ in _pieces_of_scattered(memory)])
    return blob_address([address_of(memory[start:end]) for start, end in cuts(memory)])


def _pieces_of_scattered(buffer: ScatteredBuffer) -> Iterator[_Piece]:
    """Each chunk, if possible without bringing the bytes together yet."""
    if 0 < buffer.nbytes <= WHOLE_BYTES:
        yield buffer, memoryview(b""), None
        return
    joined = memoryview(b"".join(buffer.parts()))
    for start, end in cuts(joined):
        yield joined[start:end], lead_before(joined, start), None


def _runs(segments: Sequence[Buffer]) -> Iterator[Sequence[Buffer]]:
    """What of a stream is a chunk: each piece of a long segment, and the short ones between together."""
    short: list[Buffer] = []
    waiting = 0
    for segment in segments:
        view = memoryview(segment).cast("B")
        is_long = view.nbytes >= _LONG_SEGMENT
        if not is_long:
            short.append(view)
            waiting += view.nbytes
        if waiting and (is_long or waiting >= _RUN_BYTES):
            yield short
            short, waiting = [], 0
        if is_long:
            yield from ((view[start:end],) for start, end in cuts(view))
    if waiting:
        yield short
