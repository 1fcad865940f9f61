"""Values in, artifacts out, and back."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from flowstone_datastore import pickling
from flowstone_datastore.address import address_of, artifact_address, blob_address
from flowstone_datastore.artifact import PICKLE_5, Artifact, Blob, Blobs, ChunkRef
from flowstone_datastore.blob_store import BlobStore, address_of_cut
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.chunking import RULE
from flowstone_datastore.compact_json import from_json_text, to_json_text
from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError

INLINE_BYTES = 4096
"""Streams of up to this many bytes stand in the record and make no file."""

_MOST_REFS_IN_RECORD = 32
"""A record names up to so many chunks of an artifact; a longer list is a chunk of its own."""


class UnknownEncodingError(FlowstoneError, LookupError):
    """An artifact in an encoding that nothing installed can read."""

    def __init__(self, encoding: str, type_name: str) -> None:
        super().__init__(encoding, type_name)
        self.encoding = encoding
        self.type_name = type_name

    def __str__(self) -> str:
        return (
            f"a stored value of type {self.type_name} has the encoding {self.encoding!r}, unknown here; "
            "upgrade flowstone-datastore, or install the package that stored it"
        )


class ArtifactStore:
    """Saves and loads values. May be used from any thread."""

    def __init__(self, chunks: ChunkStore, inline_bytes: int = INLINE_BYTES) -> None:
        self._chunks = chunks
        self._blobs = BlobStore(chunks)
        self._inline_bytes = inline_bytes

    def save(self, value: Any) -> Artifact:
        """Store a value; only chunks that the store does not have are written.

        Raises:
            UnpicklableError: the value cannot be pickled.
            StorageError: it could not be written.
        """
        stream, buffers = pickling.dump(value)
        blobs = Blobs(self._save_stream(stream), self._blobs.put(buffers))
        layout = self._save_layout(blobs)
        return Artifact(
            type=pickling.type_name(value),
            size=blobs.size,
            address=artifact_address(PICKLE_5, address_of(*stream), map(_blob_address, blobs.buffers)),
            encoding=PICKLE_5,
            blobs=None if layout else blobs,
            layout=layout,
        )

    def load(self, artifact: Artifact, *, name: str | None = None) -> Any:
        """The value, new and the caller's own: changing it changes nothing stored.

        `name` says in errors which artifact it is: a pathspec, if there is one. Loading runs what the
        stored pickle says: load only from stores whose writers you trust.

        Raises:
            UnknownEncodingError: it is not a pickle.
            MissingChunkError: bytes of it are not in the store.
            DamagedChunkError: bytes of it are not what was stored.
            UnimportableTypeError: a package or a class that it needs is not there.
            UnloadableError: the value's own code fails.
        """
        if artifact.encoding != PICKLE_5:
            raise UnknownEncodingError(artifact.encoding, artifact.type)
        shown = name or f"a {artifact.type} ({artifact.address})"
        blobs = self.blobs(artifact, name=shown)
        inline = blobs.stream.inline
        stream = self._blobs.get(blobs.stream, shown) if inline is None else inline
        return pickling.load(
            stream, self._blobs.get_all(blobs.buffers, shown, is_own_cut=blobs.cuts == RULE), artifact.type
        )

    def address(self, value: Any) -> str:
        """The address that `save` would give the value's artifact; nothing is written.

        Raises:
            UnpicklableError: the value cannot be pickled.
        """
        stream, buffers = pickling.dump(value)
        return artifact_address(PICKLE_5, address_of(*stream), map(address_of_cut, buffers))

    def blobs(self, artifact: Artifact, *, name: str | None = None) -> Blobs:
        """Where the artifact's bytes are: as its record says, or as the chunk says that the record names.

        Raises:
            MissingChunkError: that chunk is not in the store.
            DamagedChunkError: it is not what was stored.
            InvalidRecordError: it holds something else, or bytes of another number than the record says.
        """
        if artifact.layout is None:
            return artifact.blobs or Blobs(Blob.of_bytes(b""))
        data = self._chunks.get(artifact.layout.address, size=artifact.layout.size, artifact=name)
        blobs = Blobs.from_json(from_json_text(bytes(data)))
        if blobs.size != artifact.size:
            raise InvalidRecordError("Artifact.size", f"{artifact.size} bytes, but its blobs have {blobs.size}")
        return blobs

    def chunks(self, artifact: Artifact) -> Iterator[ChunkRef]:
        """Every chunk that the artifact needs, the one that lists the others included; nothing is unpickled.

        Raises:
            MissingChunkError, DamagedChunkError, InvalidRecordError: as `blobs`.
        """
        if artifact.layout is not None:
            yield artifact.layout
        yield from self.blobs(artifact).chunks

    def _save_stream(self, stream: Sequence[Buffer]) -> Blob:
        if sum([memoryview(segment).nbytes for segment in stream]) <= self._inline_bytes:
            return Blob.of_bytes(b"".join(stream))
        return self._blobs.put_stream(stream)

    def _save_layout(self, blobs: Blobs) -> ChunkRef | None:
        """A chunk that lists the blobs, if they are many; inline bytes stay in the record."""
        count = sum([len(blob.chunks) for blob in (blobs.stream, *blobs.buffers)])
        if count <= _MOST_REFS_IN_RECORD:
            return None
        return self._chunks.put((to_json_text(attrs.evolve(blobs, cuts=RULE).to_json()),))


def _blob_address(blob: Blob) -> str:
    return blob_address([chunk.address for chunk in blob.chunks])
