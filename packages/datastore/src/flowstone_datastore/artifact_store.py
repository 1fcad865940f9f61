"""Values in, artifacts out, and back."""

from collections.abc import Sequence
from typing import Any

from flowstone_datastore import pickling
from flowstone_datastore.address import address_of, artifact_address
from flowstone_datastore.artifact import PICKLE_5, Artifact, Blob
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError

INLINE_BYTES = 4096
"""Streams of up to this many bytes stand in the record and make no file."""


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
        self._inline_bytes = inline_bytes

    def save(self, value: Any) -> Artifact:
        """Store a value; only chunks that the store does not have are written.

        Raises:
            UnpicklableError: the value cannot be pickled.
            StorageError: it could not be written.
        """
        stream, buffers = pickling.dump(value)
        stream_blob, stream_address = self._save_stream(stream)
        chunks = [self._chunks.put((buffer,)) for buffer in buffers]
        return Artifact(
            type=pickling.type_name(value),
            size=stream_blob.size + sum([chunk.size for chunk in chunks]),
            address=artifact_address(PICKLE_5, stream_address, [chunk.address for chunk in chunks]),
            encoding=PICKLE_5,
            stream=stream_blob,
            buffers=tuple([Blob.of_chunks(chunk) for chunk in chunks]),
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
        inline = artifact.stream.inline
        stream = self._read(artifact.stream, shown) if inline is None else inline
        buffers = [self._read(blob, shown) for blob in artifact.buffers]
        return pickling.load(stream, buffers, artifact.type)

    def address(self, value: Any) -> str:
        """The address that `save` would give the value's artifact; nothing is written.

        Raises:
            UnpicklableError: the value cannot be pickled.
        """
        stream, buffers = pickling.dump(value)
        return artifact_address(PICKLE_5, address_of(*stream), [address_of(buffer) for buffer in buffers])

    def _save_stream(self, stream: Sequence[Buffer]) -> tuple[Blob, str]:
        if sum([memoryview(segment).nbytes for segment in stream]) <= self._inline_bytes:
            whole = b"".join(stream)
            return Blob.of_bytes(whole), address_of(whole)
        chunk = self._chunks.put(stream)
        return Blob.of_chunks(chunk), chunk.address

    def _read(self, blob: Blob, artifact: str) -> bytearray:
        """The bytes of a blob, in memory that whoever loads them may keep and change."""
        if blob.inline is not None:
            return bytearray(blob.inline)
        chunks = [self._chunks.get(chunk.address, size=chunk.size, artifact=artifact) for chunk in blob.chunks]
        return chunks[0] if len(chunks) == 1 else bytearray().join(chunks)
