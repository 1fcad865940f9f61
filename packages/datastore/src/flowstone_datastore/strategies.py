"""Hypothesis strategies for what a store keeps. Needs hypothesis: the extra `testing`."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from flowstone_datastore.address import address_of
from flowstone_datastore.artifact import PICKLE_5, Artifact, Blob, Blobs, ChunkRef
from flowstone_datastore.artifact_table import ArtifactTable
from flowstone_datastore.data_access import DataAccess
from flowstone_datastore.locked_environment import LockedEnvironment
from flowstone_datastore.process_identity import ProcessIdentity
from flowstone_datastore.record_parts import Code, LogSpan, Reads, TaskError, Transition
from flowstone_datastore.records import (
    ENDED_STATES,
    Heartbeat,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
"""Names of steps, tasks and artifacts."""

addresses = st.binary(max_size=4).map(address_of)
"""Addresses, of bytes that no store has."""

_counts = st.integers(0, 2**63 - 1)
_times = st.floats(0, 1e10)
_texts = st.text(max_size=20)
_accesses = st.builds(
    DataAccess, st.sampled_from(["read", "written"]), _texts, _texts, st.none() | _counts, _counts
)
_plain_json = st.dictionaries(
    _texts,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def values() -> st.SearchStrategy[Any]:
    """Values that pickle and compare: nested containers of builtins, with some memory large enough to matter."""
    scalars: Iterable[st.SearchStrategy[Any]] = (
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.complex_numbers(allow_nan=False),
        st.text(),
        st.binary(),
        st.binary(max_size=8).map(lambda seed: bytearray(seed * 3000)),
        st.dates(),
        st.decimals(allow_nan=False),
    )
    return st.recursive(
        st.one_of(*scalars),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner)
        ),
        max_leaves=12,
    )


def chunk_refs() -> st.SearchStrategy[ChunkRef]:
    """References to chunks that no store has."""
    return st.builds(ChunkRef, addresses, st.integers(0, 2**40))


def artifacts() -> st.SearchStrategy[Artifact]:
    """Artifacts that are well formed, of bytes that no store has."""
    chunked = st.lists(chunk_refs(), min_size=1, max_size=3).map(lambda chunks: Blob.of_chunks(*chunks))
    blobs = st.binary(max_size=20).map(Blob.of_bytes) | chunked

    def build(kind: str, address: str, stream: Blob, buffers: list[Blob]) -> Artifact:
        size = stream.size + sum(buffer.size for buffer in buffers)
        return Artifact(kind, size, address, PICKLE_5, Blobs(stream, tuple(buffers)))

    return st.builds(build, _texts, addresses, blobs, st.lists(blobs, max_size=2))


def tables() -> st.SearchStrategy[ArtifactTable]:
    """Artifact tables, with and without a base."""
    based = st.builds(ArtifactTable, addresses, st.dictionaries(names, st.none() | artifacts(), max_size=3))
    return based | st.builds(ArtifactTable, st.none(), st.dictionaries(names, artifacts(), max_size=3))


_environments = st.builds(
    LockedEnvironment,
    key=_texts,
    request=_texts,
    steps=st.lists(names, max_size=2).map(tuple),
    lock=chunk_refs(),
    packages=st.dictionaries(_texts, chunk_refs(), max_size=2),
)


def records() -> st.SearchStrategy[Any]:
    """Records of every type."""
    by_address = st.dictionaries(names, addresses, max_size=2)
    attempt = {"time": _times, "step": names, "task": names, "attempt": st.integers(0, 5)}
    ended = {
        **attempt,
        "artifacts": tables(),
        "data": st.lists(_accesses, max_size=2).map(tuple),
        "reads": st.builds(Reads, by_address, st.dictionaries(_texts, by_address, max_size=2)),
        "seconds": st.none() | _times,
        "cpu_seconds": st.none() | _times,
        "max_memory_mib": st.none() | _times,
        "logs": st.none() | st.builds(LogSpan, names, _counts, _counts),
    }
    tags = st.lists(_texts, max_size=3).map(tuple)
    paths = st.lists(names, max_size=2).map(tuple)
    by_name = st.dictionaries(names, artifacts(), max_size=2)
    error = st.builds(TaskError, _texts, _texts, _texts, st.none() | _texts, st.none() | _counts)
    started = st.builds(
        RunStarted,
        time=_times,
        flow=names,
        run_id=names,
        user=_texts,
        parameters=by_name,
        constants=by_name,
        graph=_plain_json,
        code=st.none() | st.builds(Code, names, st.dictionaries(names, chunk_refs(), max_size=2), paths, paths),
        environment=st.none() | chunk_refs(),
        environments=st.lists(_environments, max_size=2).map(tuple),
        tags=tags,
        system_tags=tags,
        origin_run=st.none() | names,
        process=st.none() | st.builds(ProcessIdentity, _texts, _texts, _texts, _counts, _counts),
        heartbeat_seconds=st.none() | _times,
        versions=st.dictionaries(_texts, _texts, max_size=2),
        settings=_plain_json,
    )
    frames = st.tuples(names, st.integers(0, 9), st.none() | st.integers(0, 9))
    return st.one_of(
        started,
        st.builds(
            TaskStarted,
            **attempt,
            stack=st.lists(frames, max_size=2).map(tuple),
            parents=st.lists(st.tuples(names, names), max_size=2).map(tuple),
            worker=_texts,
        ),
        st.builds(
            TaskFinished,
            **ended,
            transition=st.none() | st.builds(Transition, st.lists(names, max_size=2), st.none() | _counts),
            origin=st.none() | _texts,
        ),
        st.builds(
            TaskFailed,
            **ended,
            error=st.none() | error,
            reason=_texts,
            exit_code=st.none() | st.integers(-64, 255),
            will_retry=st.booleans(),
        ),
        st.builds(TagsChanged, time=_times, added=tags, removed=tags),
        st.builds(Heartbeat, time=_times),
        st.builds(RunEnded, time=_times, state=st.sampled_from(ENDED_STATES), message=_texts),
    )
