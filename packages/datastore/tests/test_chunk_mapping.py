"""Chunk files side by side: when is the page on which two of them meet known to be right?"""

import itertools
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import ChunkStore, FileStorage
from flowstone_datastore.blob_store import BlobStore
from flowstone_datastore.chunk_file import path_of
from flowstone_datastore.file_seal import is_sealed
from flowstone_datastore.mapping import can_map

pytestmark = pytest.mark.skipif(not can_map(), reason="elsewhere chunks are read")

RANDOM = random.Random(4711).randbytes(3_000_000)


@pytest.fixture
def storage(tmp_path):
    """A folder."""
    return FileStorage(tmp_path)


def put(storage, data):
    """Store some bytes as a blob."""
    return BlobStore(ChunkStore(storage)).put([memoryview(data)])[0]


def behind(tmp_path, blob):
    """Which chunks of a blob have a file that is sealed as one that follows the chunk before it."""
    found = []
    for before, chunk in itertools.pairwise(blob.chunks):
        status = (tmp_path / path_of(chunk.address)).stat()
        found.append(is_sealed(f"{chunk.address} {before.address}", status))
    return found


def with_lead(tmp_path, blob):
    """Which chunks of a blob do not begin where a page does, but for the first."""
    return [(tmp_path / path_of(chunk.address)).stat().st_size > chunk.size for chunk in blob.chunks[1:]]


def test_what_is_written_is_known_to_follow_what_stands_before_it(storage, tmp_path):
    """So a reader need not look at the page on which two chunks meet."""
    blob = put(storage, RANDOM)
    assert behind(tmp_path, blob) == with_lead(tmp_path, blob)
    assert any(with_lead(tmp_path, blob))


def test_a_reader_that_verifies_learns_what_follows_what(storage, tmp_path):
    """After a restart of the machine every seal is broken; the first reader puts all of them back."""
    blob = put(storage, RANDOM)
    for chunk in blob.chunks:
        os.utime(tmp_path / path_of(chunk.address))
    assert not any(behind(tmp_path, blob))
    for _ in range(2):
        assert bytes(BlobStore(ChunkStore(storage)).get(blob, "x")) == RANDOM
        assert behind(tmp_path, blob) == with_lead(tmp_path, blob)


@given(
    st.lists(st.tuples(st.integers(0, len(RANDOM)), st.binary(min_size=1, max_size=5000)), max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=15, deadline=None)
def test_blobs_that_share_chunks_in_other_places_are_each_read_right(edits, random):
    """A shared chunk has one file, laid out and sealed for one of its places, whoever wrote it."""
    with tempfile.TemporaryDirectory() as folder:
        storage = FileStorage(folder)
        contents = [RANDOM]
        for at, text in edits:
            contents.append(contents[-1][:at] + text + contents[-1][at:])
        random.shuffle(contents)
        blobs = [put(storage, content) for content in contents]
        if random.random() < 0.5:
            for file in Path(folder, "chunks").rglob("*"):
                os.utime(file)
        readers = [*range(len(blobs))] * 3
        random.shuffle(readers)
        for reader in readers:
            assert bytes(BlobStore(ChunkStore(storage)).get(blobs[reader], "x")) == contents[reader]


def test_seals_come_to_rest(storage, tmp_path):
    """Two blobs in which other chunks stand before a shared one must not take turns to verify it."""
    blobs = [put(storage, RANDOM), put(storage, RANDOM[:150_000] + b"new" + RANDOM[150_000:])]
    shared = set(blobs[0].chunks) & set(blobs[1].chunks)
    assert shared
    times = []
    for _ in range(4):
        for blob in blobs:
            BlobStore(ChunkStore(storage)).get(blob, "x")
        times.append({chunk: (tmp_path / path_of(chunk.address)).stat().st_mtime_ns for chunk in shared})
    assert times[1] == times[2] == times[3]


def test_a_lead_that_is_changed_behind_a_seal_is_not_believed(storage, tmp_path):
    """Whoever writes to the file breaks the seal, and then the lead is compared again."""
    blob = put(storage, RANDOM)
    for chunk in blob.chunks:
        path = tmp_path / path_of(chunk.address)
        lead = path.stat().st_size - chunk.size
        with path.open("r+b") as file:
            file.write(b"\xff" * lead)
    for _ in range(2):
        assert bytes(BlobStore(ChunkStore(storage)).get(blob, "x")) == RANDOM
