"""Cuts that are found again instead of searched."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_datastore import ArtifactStore, Blob, Blobs, ChunkStore, FileStorage
from flowstone_datastore.address import address_of
from flowstone_datastore.artifact import ChunkRef
from flowstone_datastore.chunking import WHOLE_BYTES, cuts
from flowstone_datastore.compact_json import to_json_text
from flowstone_datastore.known_cuts import KnownCuts
from flowstone_datastore.loaded_memory import PackedChunks

RANDOM = random.Random(4711).randbytes(6_000_000)
PLAIN = bytes(1_500_000)  # nothing in it says where to cut


def refs(data):
    """The chunks of some bytes, cut anew."""
    view = memoryview(data)
    return [ChunkRef(address_of(view[start:end]), end - start) for start, end in cuts(view)]


def remembered(*buffers):
    """What is known when these were cut."""
    known = KnownCuts()
    for data in buffers:
        known.remember(memoryview(data), refs(data))
    return known


def found(known, data):
    """The cuts of some bytes, by what is known."""
    view = memoryview(data)
    pieces = [*known.cut(view)]
    assert all(cut.address in (None, address_of(view[cut.start : cut.end])) for cut in pieces)
    return [(cut.start, cut.end) for cut in pieces]


places = st.integers(0, 3_000_000)
edits = st.lists(st.tuples(st.sampled_from(["insert", "delete", "overwrite"]), places, st.integers(1, 200_000)))
contents = st.tuples(st.sampled_from([RANDOM, RANDOM[:1_000_000] * 4, PLAIN + RANDOM, RANDOM + PLAIN]), places)


def edited(data, changes):
    """The bytes after some edits."""
    for kind, place, length in changes:
        rest = place if kind == "insert" else place + length
        new = b"" if kind == "delete" else random.Random(length).randbytes(length)
        data = data[:place] + new + data[rest:]
    return data


@settings(deadline=None, max_examples=150)
@given(contents, edits, st.lists(contents, max_size=2))
def test_the_cuts_are_those_of_cutting_anew(content, changes, others):
    """Whatever is known, of this buffer or of others: equal content has equal chunks."""
    base, length = content
    before = base[: 600_000 + length]
    after = edited(before, changes)
    known = remembered(before, *[other[: 600_000 + size] for other, size in others])
    for data in (after, before, after[: len(after) * 2 // 3], after + b"more"):
        assert found(known, data) == [*cuts(memoryview(data))]


@settings(deadline=None)
@given(st.integers(WHOLE_BYTES + 1, 2_000_000), st.integers(-3, 3))
def test_a_cut_at_the_end_is_one_only_there(size, more):
    """It was made because nothing came behind it."""
    known = remembered(RANDOM[:size])
    assert found(known, RANDOM[: size + more]) == [*cuts(memoryview(RANDOM)[: size + more])]


def known_share(known, data):
    """Which part of the bytes nobody searched for cuts."""
    return sum([cut.end - cut.start for cut in known.cut(memoryview(data)) if cut.address]) / len(data)


@pytest.mark.parametrize(
    "changed",
    [
        RANDOM,
        RANDOM[:2_000_000] + b"inserted" + RANDOM[2_000_000:],
        RANDOM[:2_000_000] + RANDOM[2_000_001:],
        RANDOM[:2_000_000] + bytes(60_000) + RANDOM[2_060_000:],
    ],
    ids=["equal", "inserted", "deleted", "overwritten"],
)
def test_what_is_known_is_found_again(changed):
    """Also where it has moved."""
    assert known_share(remembered(RANDOM), changed) == 1


def test_what_nobody_knows_is_not_hashed_for_it():
    """Whoever stores it hashes it, in another thread."""
    assert known_share(KnownCuts(), RANDOM) == 0
    assert known_share(remembered(RANDOM), RANDOM[5:]) == 0


def test_the_memory_is_bounded():
    """A process may store values for days."""
    known = KnownCuts(most=20)
    for start in range(0, 3_000_000, 300_000):
        data = RANDOM[start : start + 3_000_000]
        known.remember(memoryview(data), refs(data))
    assert len(known._young) + len(known._old) <= 20
    assert found(known, RANDOM) == [*cuts(memoryview(RANDOM))]


def test_threads_share_what_is_known():
    """A store may be used from any thread."""
    known = KnownCuts(most=100)
    values = [RANDOM[start:] for start in range(0, 2_000_000, 100_000)]

    def cut(data):
        result = found(known, data)
        known.remember(memoryview(data), refs(data))
        return result == [*cuts(memoryview(data))]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(cut, values * 3))


def test_what_was_loaded_is_known_too(tmp_path):
    """A task that loads a frame, changes it and stores it is the usual one."""
    data = bytearray(RANDOM)
    artifact = ArtifactStore(ChunkStore(FileStorage(tmp_path))).save(pickle.PickleBuffer(data))
    store = ArtifactStore(ChunkStore(FileStorage(tmp_path)))
    loaded = store.load(artifact)
    assert known_share(store._blobs._known, loaded) == 1
    assert store.save(pickle.PickleBuffer(loaded)) == artifact


def test_cuts_of_another_rule_are_not_taken_over(tmp_path):
    """They would give equal content another address."""
    store = ArtifactStore(ChunkStore(FileStorage(tmp_path)))
    data = memoryview(RANDOM)
    size = 100_000
    buffer = Blob.of_chunks(*[store._chunks.put((data[at : at + size],)) for at in range(0, len(data), size)])
    right = store.save(pickle.PickleBuffer(bytearray(RANDOM)))
    blobs = Blobs(store.blobs(right).stream, (buffer,), cuts="fixed")
    layout = store._chunks.put((to_json_text(blobs.to_json()),))
    reader = ArtifactStore(ChunkStore(FileStorage(tmp_path)))
    loaded = reader.load(attrs.evolve(right, layout=layout))
    assert loaded == RANDOM
    assert reader.save(pickle.PickleBuffer(loaded)).address == right.address


def test_buffers_that_wait_to_be_remembered_are_few():
    """Their chunks are, that is; the memory itself is not kept alive."""
    known = KnownCuts()
    for number in range(1000):
        known.remember_later(memoryview(RANDOM)[number:], PackedChunks.of(refs(PLAIN)))
    assert len(known._waiting) <= 256
