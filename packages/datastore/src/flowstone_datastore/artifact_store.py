"""Values in, artifacts out, and back."""

import os
from collections.abc import Iterator, Sequence
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_datastore import pickling
from flowstone_datastore.address import (
    CANONICAL_BYTES,
    address_of,
    artifact_address,
    blob_address,
    canonical_address,
)
from flowstone_datastore.artifact import PICKLE_5, Artifact, Blob, Blobs, ChunkRef
from flowstone_datastore.blob_store import BlobStore, address_of_cut
from flowstone_datastore.canonical import canonical
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.chunking import RULE
from flowstone_datastore.compact_json import from_json_text, to_json_text
from flowstone_datastore.export import export_value
from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.pickling import UnloadableError, UnpicklableError, type_name
from flowstone_datastore.scattered_buffer import Memory
from flowstone_datastore.serializer import Serializer
from flowstone_datastore.serializers import InvalidSerializerError, Serializers, installed_serializers
from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from pathlib import Path

INLINE_BYTES = 4096
"""Streams of up to this many bytes stand in the record and make no file."""

_SINGLE = frozenset((str, bytes, int, float, bool, type(None)))

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

    def __init__(
        self, chunks: ChunkStore, inline_bytes: int = INLINE_BYTES, serializers: Serializers | None = None
    ) -> None:
        self._chunks = chunks
        self._serializers = installed_serializers() if serializers is None else serializers
        self._blobs = BlobStore(chunks)
        self._inline_bytes = inline_bytes

    def find_serializers(self) -> None:
        """Look for installed serializers now: the first value of some package's type waits for it otherwise.

        Worth its 5 ms before many processes are forked, each of which would look for itself.
        """
        self._serializers.find()

    def save(self, value: Any) -> Artifact:
        """Store a value; only chunks that the store does not have are written.

        Raises:
            UnpicklableError: neither pickle nor the serializer of its type takes the value.
            StorageError: it could not be written.
        """
        encoding, stream, buffers = self._encode(value)
        blobs = Blobs(self._save_stream(stream), self._blobs.put(buffers))
        addresses = [blob_address([chunk.address for chunk in blob.chunks]) for blob in blobs.buffers]
        layout = self._save_layout(blobs)
        return Artifact(
            type=type_name(value),
            size=blobs.size,
            address=_address(encoding, value, stream, addresses),
            encoding=encoding,
            blobs=None if layout else blobs,
            layout=layout,
        )

    def load(self, artifact: Artifact, *, name: str | None = None) -> Any:
        """The value, new and the caller's own: changing it changes nothing stored.

        `name` says in errors which artifact it is: a pathspec, if there is one. Loading runs what the
        stored pickle says: load only from stores whose writers you trust.

        Raises:
            UnknownEncodingError: it is not a pickle, and no serializer of its encoding is installed.
            BrokenPluginError: the serializer of its encoding cannot be imported.
            MissingChunkError: bytes of it are not in the store.
            DamagedChunkError: bytes of it are not what was stored.
            UnimportableTypeError: a package or a class that it needs is not there.
            UnloadableError: the value's own code fails.
        """
        serializer = None if artifact.encoding == PICKLE_5 else self._serializer_of(artifact)
        shown = name or f"a {artifact.type} ({artifact.address})"
        blobs = self.blobs(artifact, name=shown)
        inline = blobs.stream.inline
        stream = self._blobs.get(blobs.stream, shown) if inline is None else inline
        buffers = self._blobs.get_all(blobs.buffers, shown, is_own_cut=blobs.cuts == RULE)
        if serializer is None:
            return pickling.load(stream, buffers, artifact.type)
        return _decoded(artifact, serializer, stream, buffers)

    def export(self, artifact: Artifact, path: str | os.PathLike[str], *, name: str | None = None) -> "Path":
        """Write the value to a file that programs without flowstone open; the file's absolute path.

        Frames and Arrow tables become an Arrow IPC file (Feather V2), numpy arrays a `.npy` file, bytes a file of
        these bytes, texts one of UTF-8, dicts and lists of plain values JSON; plugins may write other types.
        The file appears complete, in place of the one that was there, or not at all. `name` is as in `load`.

        Raises:
            NotExportableError: no exporter is there for the type, or it cannot write this value.
            ExportFailedError: there is no such folder, `path` is a folder, the disk is full.
            and whatever `load` raises.
        """
        value = self.load(artifact, name=name)
        return export_value(value, artifact.type, self._serializers.exporter_of(value), path)

    def address(self, value: Any) -> str:
        """The address that `save` would give the value's artifact; nothing is written.

        Raises:
            UnpicklableError: as `save`.
        """
        encoding, stream, buffers = self._encode(value)
        return _address(encoding, value, stream, [*map(address_of_cut, buffers)])

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
        blobs = Blobs.from_json(from_json_text(data))
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

    def _encode(self, value: Any) -> tuple[str, Sequence[Buffer], Sequence[Memory]]:
        """An encoding, and the stream, in pieces, and the large memory of a value in it."""
        claimed = self._serializers.of(value)
        dumped = None if claimed is None else _dumped(value, *claimed)
        if claimed is None or dumped is None:
            return PICKLE_5, *pickling.dump(value)
        return claimed[0], *dumped

    def _serializer_of(self, artifact: Artifact) -> Serializer:
        from flowstone_interfaces.plugins import PluginNotFoundError

        try:
            return self._serializers.named(artifact.encoding)
        except (PluginNotFoundError, InvalidSerializerError) as error:
            raise UnknownEncodingError(artifact.encoding, artifact.type) from error

    def _save_stream(self, stream: Sequence[Buffer]) -> Blob:
        if _size(stream) <= self._inline_bytes:
            return Blob.of_bytes(b"".join(stream))
        return self._blobs.put_stream(stream)

    def _save_layout(self, blobs: Blobs) -> ChunkRef | None:
        """A chunk that lists the blobs, if they are many; inline bytes stay in the record."""
        count = sum([len(blob.chunks) for blob in (blobs.stream, *blobs.buffers)])
        if count <= _MOST_REFS_IN_RECORD:
            return None
        return self._chunks.put((to_json_text(attrs.evolve(blobs, cuts=RULE).to_json()),))


def _dumped(value: Any, encoding: str, serializer: Serializer) -> tuple[Sequence[Buffer], Sequence[Memory]] | None:
    try:
        dumped = serializer.dump(value)
        if dumped is None:
            return None
        stream, buffers = dumped
        return (stream,), [PickleBuffer(buffer).raw() for buffer in buffers]
    except MemoryError:
        raise
    except Exception as error:
        detail = f"the serializer {encoding!r} fails with {type(error).__name__}: {error}"
        raise UnpicklableError(type_name(value), detail) from error


def _decoded(artifact: Artifact, serializer: Serializer, stream: Buffer, buffers: Sequence[Buffer]) -> Any:
    try:
        return serializer.load(stream, buffers)
    except MemoryError:
        raise
    except Exception as error:
        detail = f"the serializer {artifact.encoding!r} fails with {type(error).__name__}: {error}"
        raise UnloadableError(artifact.type, detail) from error


def _address(encoding: str, value: Any, stream: Sequence[Buffer], buffers: list[str]) -> str:
    """The address of a value with this stream, whose buffers have these addresses."""
    # The stream of a single text or number is its canonical form but for a few bytes.
    if encoding == PICKLE_5 and type(value) not in _SINGLE and _size(stream) <= CANONICAL_BYTES:
        form = canonical(b"".join(stream), buffers)
        if form is not None:
            return canonical_address(PICKLE_5, form)
    return artifact_address(encoding, address_of(*stream), buffers)


def _size(stream: Sequence[Buffer]) -> int:
    return sum([memoryview(segment).nbytes for segment in stream])
