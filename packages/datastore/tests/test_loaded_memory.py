"""What was loaded and not changed is stored again without a look at its bytes; a changed byte is never missed."""

import mmap
import os
import random
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import Blobs, ChunkStore, Datastore, FileStorage
from flowstone_datastore.blob_store import BlobStore
from flowstone_datastore.loaded_memory import LoadedMemory, PackedChunks, address_in_memory
from flowstone_datastore.mapping import can_map


def says_what_was_written() -> bool:
    """Whether this kernel tells pages that were written to from others."""
    try:
        with Path("/proc/self/pagemap").open("rb") as file:
            return sys.platform.startswith("linux") and len(file.read(8)) == 8
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not can_map(), reason="elsewhere chunks are read")
on_linux = pytest.mark.skipif(not says_what_was_written(), reason="only Linux tells which pages were written to")

RANDOM = random.Random(4711).randbytes(3_000_000)


@pytest.fixture
def blobs(tmp_path):
    """A store of large memory."""
    return BlobStore(ChunkStore(FileStorage(tmp_path)))


def loaded(blobs, data=RANDOM):
    """The blob of some bytes, and its memory, loaded."""
    (blob,) = blobs.put([memoryview(data)])
    (memory,) = blobs.get_all([blob], "x", is_own_cut=True)
    return blob, memoryview(memory)


@on_linux
def test_what_is_only_read_is_known_chunk_by_chunk(blobs):
    """Looking at a frame changes nothing, however much of it is looked at."""
    blob, memory = loaded(blobs)
    for _ in range(2):
        assert [*blobs._loaded.untouched(memory).values()] == [*blob.chunks]
        assert bytes(memory) == RANDOM
    assert blobs.put([memory]) == (blob,)


@on_linux
def test_a_written_byte_is_noticed_and_the_other_chunks_are_known_still(blobs):
    """Even if it is written with what was there before: the kernel does not compare."""
    blob, memory = loaded(blobs)
    memory[1_500_000] = memory[1_500_000]
    kept = blobs._loaded.untouched(memory)
    assert len(blob.chunks) - 2 <= len(kept) < len(blob.chunks)
    assert all(start + chunk.size <= 1_500_000 or start > 1_500_000 for start, chunk in kept.items())


places = st.tuples(st.integers(0, len(RANDOM) - 1), st.integers(1, 200_000), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(places, max_size=4), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_was_changed_is_stored_as_if_it_came_from_elsewhere(edits, reads_first, rng):
    """The chunks of memory that was loaded and written to are those of the same bytes in any other memory."""
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobStore(ChunkStore(FileStorage(folder)))
        _, memory = loaded(blobs)
        if reads_first:
            bytes(memory)
        for place, length, is_new in edits:
            part = memory[place : place + length]
            part[:] = rng.randbytes(part.nbytes) if is_new else bytes(part)
        now = bytes(memory)
        (blob,) = blobs.put([memory])
        assert (blob,) == BlobStore(ChunkStore(FileStorage(folder))).put([memoryview(now)])
        assert bytes(BlobStore(ChunkStore(FileStorage(folder), "always")).get(blob, "x")) == now


@on_linux
def test_a_forked_process_has_its_own_changes(blobs):
    """Sixteen tasks may have loaded one frame before they were forked."""
    blob, memory = loaded(blobs)
    child = os.fork()
    if child == 0:
        memory[7] ^= 1
        changed = blobs.put([memory])[0]
        os._exit(0 if changed.chunks[0] != blob.chunks[0] and changed.chunks[1:] == blob.chunks[1:] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert blobs.put([memory]) == (blob,)
    assert len(blobs._loaded.untouched(memory)) == len(blob.chunks)


@on_linux
def test_memory_that_is_given_back_is_forgotten(tmp_path):
    """Its addresses may become those of another file."""
    content = RANDOM[: 1 << 20]
    (tmp_path / "other").write_bytes(content[::-1])
    known = LoadedMemory()
    first = mmap.mmap(-1, len(content))
    chunks = PackedChunks.of(BlobStore(ChunkStore(FileStorage(tmp_path))).put([memoryview(content)])[0].chunks)
    known.note(memoryview(first), chunks)
    address = address_in_memory(memoryview(first))
    del first
    with (tmp_path / "other").open("rb") as file:
        second = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    assert address_in_memory(memoryview(second)) == address, "the kernel gave the same place again"
    assert not known.untouched(memoryview(second))


def test_a_part_of_what_was_loaded_is_no_blob(blobs):
    """Where its cuts are is not known."""
    _, memory = loaded(blobs)
    assert not blobs._loaded.untouched(memory[:2_000_000])
    assert not blobs._loaded.untouched(memory[4096:])


def test_a_chunk_that_was_collected_meanwhile_is_written_again(blobs, tmp_path):
    """What is known of memory says nothing of the disk."""
    blob, memory = loaded(blobs)
    content = bytes(memory)
    for file in [*tmp_path.rglob("*")]:
        if file.is_file():
            file.unlink()
    assert blobs.put([memory]) == (blob,)
    assert bytes(BlobStore(ChunkStore(FileStorage(tmp_path))).get(blob, "x")) == content


def words(rows):
    """A column of texts."""
    rng = random.Random(rows)
    return [f"word {rng.randrange(5000)}" for _ in range(rows)]


@pytest.mark.parametrize("rows", [300, 20_000, 400_000])
def test_a_frame_of_texts_that_was_loaded_is_the_same_artifact(tmp_path, rows):
    """A step that looks at a frame and passes it on stores nothing, and its result counts as unchanged."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    store = Datastore.open(tmp_path / "s", create=True)
    frame = pd.DataFrame({"n": range(rows), "a": pd.array(words(rows), "str"), "b": pd.array(words(rows), "str")})
    saved = store.artifacts.save(frame)
    count = sum(1 for _ in (tmp_path / "s").rglob("*"))
    for _ in range(2):
        frame = store.artifacts.load(saved)
        assert store.artifacts.save(frame).address == saved.address
        assert store.artifacts.address(frame) == saved.address
    assert sum(1 for _ in (tmp_path / "s").rglob("*")) == count
    frame["a"] = frame["a"].str.upper()
    changed = store.artifacts.save(frame)
    assert changed.address != saved.address
    assert store.artifacts.load(changed).equals(frame)
    shared = {*store.artifacts.chunks(saved)} & {*store.artifacts.chunks(changed)}
    assert isinstance(store.artifacts.blobs(changed), Blobs)
    assert len(shared) > 0 or rows == 300


@pytest.mark.parametrize("kind", ["string", "large_string", "binary"])
def test_an_arrow_table_that_was_loaded_is_the_same_artifact(tmp_path, kind):
    pa = pytest.importorskip("pyarrow")
    store = Datastore.open(tmp_path / "s", create=True)
    texts = words(300_000)
    column = pa.array([text.encode() for text in texts] if kind == "binary" else texts, getattr(pa, kind)())
    saved = store.artifacts.save({"t": pa.chunked_array([column, column.slice(7, 100_000)])})
    assert store.artifacts.save(store.artifacts.load(saved)).address == saved.address
