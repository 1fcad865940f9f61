import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import (
    Artifact,
    ArtifactStore,
    ChunkStore,
    DamagedChunkError,
    FileStorage,
    MemoryStorage,
    UnknownEncodingError,
    UnloadableError,
    address_of,
)
from flowstone_datastore.artifact import Blob, Blobs
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.testing import values


def memory_store(**options):
    return ArtifactStore(ChunkStore(MemoryStorage()), **options)


def objects_in(storage):
    return [name for folder in storage.list("chunks") for name in storage.list(f"chunks/{folder}")]


@given(values())
def test_load_of_save_is_the_value(value):
    """The one promise of an artifact store."""
    store = memory_store()
    loaded = store.load(store.save(value))
    assert loaded == value
    assert type(loaded) is type(value)


@given(values())
def test_an_address_is_that_of_the_saved_artifact(value):
    """So a value that was read and not changed is found without writing it."""
    storage = MemoryStorage()
    store = ArtifactStore(ChunkStore(storage))
    address = store.address(value)
    assert objects_in(storage) == []
    assert store.save(value).address == address


@given(values(), st.sampled_from([0, 10, 10**9]))
def test_an_address_does_not_depend_on_where_the_bytes_are(value, inline_bytes):
    """A store with another limit, and a later one that cuts otherwise, find equal values equal."""
    assert memory_store(inline_bytes=inline_bytes).save(value).address == memory_store().save(value).address


@given(values())
def test_a_json_copy_of_the_artifact_loads_the_value(value):
    """Between save and load there is always a record."""
    store = memory_store(inline_bytes=100)
    assert store.load(Artifact.from_json(store.save(value).to_json())) == value


def test_small_values_make_no_object():
    """They live in the record."""
    storage = MemoryStorage()
    artifact = ArtifactStore(ChunkStore(storage)).save({"alpha": 0.1})
    assert objects_in(storage) == []
    assert artifact.type == "builtins.dict"
    assert artifact.blobs.stream.inline is not None


def test_equal_values_are_stored_once():
    """Whoever saves them."""
    storage = MemoryStorage()
    store = ArtifactStore(ChunkStore(storage))
    assert store.save(b"x" * 100_000) == store.save(b"x" * 100_000)
    assert len(objects_in(storage)) == 1


def test_streams_in_several_chunks_load():
    """A later release cuts them; this one must read what it wrote."""
    chunks = ChunkStore(MemoryStorage())
    store = ArtifactStore(chunks, inline_bytes=0)
    whole = store.save([*range(1000)])
    data = chunks.get(whole.blobs.stream.chunks[0].address)
    pieces = [chunks.put((data[start : start + 100],)) for start in range(0, len(data), 100)]
    assert store.load(attrs.evolve(whole, blobs=Blobs(Blob.of_chunks(*pieces)))) == [*range(1000)]


def test_damage_names_the_artifact(tmp_path):
    """Corruption is an error, never a wrong value."""
    storage = FileStorage(tmp_path)
    store = ArtifactStore(ChunkStore(storage))
    artifact = store.save(random.Random(0).randbytes(10_000))
    path = tmp_path / path_of(artifact.blobs.stream.chunks[0].address)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedChunkError, match="part of Flow/1/start/1/x"):
        store.load(artifact, name="Flow/1/start/1/x")
    with pytest.raises(DamagedChunkError, match=f"part of a builtins.bytes \\({artifact.address}\\)"):
        store.load(artifact)


def test_an_unknown_encoding_says_so():
    """It was written by something newer."""
    artifact = attrs.evolve(memory_store().save(1), encoding="arrow-ipc")
    with pytest.raises(UnknownEncodingError, match="'arrow-ipc', unknown here; upgrade"):
        memory_store().load(artifact)


@pytest.mark.parametrize("length", range(20))
def test_a_stream_that_was_cut_is_an_error(length):
    """A wrong record must not look like a crash of ours, and never like a value."""
    data = memory_store().save({"alpha": [1]}).blobs.stream.inline[:length]
    with pytest.raises(UnloadableError):
        memory_store().load(Artifact("x", len(data), address_of(data), "pickle-5", Blobs(Blob.of_bytes(data))))
