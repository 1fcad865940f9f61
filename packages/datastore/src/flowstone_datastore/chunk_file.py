"""Where a chunk is, and what its file looks like."""

from flowstone_datastore.artifact import ChunkRef

LEAD_MODULUS = 4096
"""A chunk stands in its file as far behind a multiple of this as in its blob. Part of the format, whatever pages
the machine has: where they are larger, what does not fit is read."""


def path_of(address: str) -> str:
    """Where a store keeps a chunk: in 256 folders, under its whole address, so that a stray file can be named."""
    return f"chunks/{address[:2]}/{address}"


def lead_before(blob: memoryview, start: int) -> memoryview:
    """The lead of the chunk that begins at byte `start` of a blob."""
    return blob[start - start % LEAD_MODULUS : start]


def chunk_behind(before: ChunkRef | None, lead: int) -> str | None:
    """The chunk that a lead of so many bytes may be the end of; `None` if it is not within one chunk."""
    return before.address if before is not None and 0 < lead <= before.size else None
