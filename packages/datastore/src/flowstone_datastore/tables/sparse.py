"""Objects of which some bytes are here, each at its own place: what a reader of Parquet takes for a whole file.

Memory for all of an object is reserved, which costs nothing; only the pages that bytes arrive in are used. Ranges
that lie close together are fetched by one request.
"""

from collections.abc import Iterable, Sequence

import attrs
import pyarrow as pa

from flowstone_datastore.s3.bucket import ObjectHead, Span
from flowstone_datastore.s3.buffers import reserved
from flowstone_datastore.s3.bulk import note
from flowstone_datastore.s3.fetching import Fetch, Want
from flowstone_datastore.s3.folder_bucket import FolderBucket
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Place
from flowstone_datastore.s3.sinks import MemorySink
from flowstone_datastore.tables.finding import TableFile

GAP_BYTES = 256 * 1024
"""A request of its own takes longer than fetching so many bytes that nobody needs."""
TAIL_BYTES = 64 * 1024
"""The end of a file: the footer of most Parquet files is in it."""
WHOLE_BYTES = 512 * 1024
"""A file of up to so many bytes is fetched at once."""


class PlacedSink(MemorySink):
    """Memory that is there already."""

    def __init__(self, place: memoryview) -> None:
        super().__init__()
        self._place = place

    def prepare(self, size: int, etag: str, part_bytes: int) -> set[int]:
        """The very place; what does not fit belongs to another content."""
        self.buffer = self._place[:size]
        return set()


@attrs.frozen
class Tail:
    """The last bytes of an object, or all of them."""

    head: ObjectHead
    data: memoryview

    @property
    def start(self) -> int:
        """Where they begin."""
        return self.head.size - len(self.data)


def read_tails(files: Sequence[TableFile], patience: Patience, wanted: int = TAIL_BYTES) -> list[Tail]:
    """The ends of files, many at once: pinned to the content that a listing named, if one did.

    Raises:
        StorageError: one of them cannot be had.
    """
    sinks = [MemorySink() for _ in files]
    spans = [Span() if file.size is not None and file.size <= WHOLE_BYTES else Span(-wanted) for file in files]
    wants = [
        Want(file.place.key, sink, span, file.etag) for file, sink, span in zip(files, sinks, spans, strict=True)
    ]
    place = files[0].place
    found = Fetch(place.bucket, place.pace, patience).run(wants)
    return [Tail(fetched.head, sink.buffer) for fetched, sink in zip(found, sinks, strict=True) if fetched]


def read_sparse(place: Place, tail: Tail, ranges: Iterable[tuple[int, int]], patience: Patience) -> pa.Buffer:
    """A buffer as long as the object that holds its tail and these ranges, start to stop, and zeros elsewhere.

    Raises:
        StorageError: they cannot be had; `S3ObjectReplacedError` if the object is another one by now.
    """
    if tail.start == 0:
        return pa.py_buffer(tail.data)
    wanted = [*ranges]
    is_filled = sum([stop - start for start, stop in coalesced(wanted)]) > tail.head.size // 2
    found = SparseObject(place, tail, is_filled=is_filled)
    found.fetch(wanted, patience)
    return pa.py_buffer(found.memory)


class SparseObject:
    """Memory as long as an object, with its tail in place; ranges are fetched into it."""

    def __init__(self, place: Place, tail: Tail, *, is_filled: bool = False) -> None:
        """Reserve it; `is_filled` if most of it will be fetched."""
        self._place = place
        self._tail = tail
        self.memory = memoryview(reserved(tail.head.size, is_filled=is_filled))
        self.memory[tail.start :] = tail.data

    def fetch(self, ranges: Iterable[tuple[int, int]], patience: Patience) -> int:
        """Fetch ranges, start to stop, many at once; how many bytes that were.

        Raises:
            StorageError: they cannot be had; `S3ObjectReplacedError` if the object is another one by now.
        """
        place, start = self._place, self._tail.start
        spans = coalesced([(begin, min(stop, start)) for begin, stop in ranges if begin < start])
        etag = self._tail.head.etag
        wants = [Want(place.key, PlacedSink(self.memory[b:e]), Span(b, e), etag) for b, e in spans]
        Fetch(place.bucket, place.pace, patience).run(wants)
        return sum([stop - begin for begin, stop in spans])


def read_whole(file: TableFile, patience: Patience) -> pa.Buffer:
    """All of an object, in memory.

    Raises:
        StorageError: it cannot be had.
    """
    place, sink = file.place, MemorySink()
    (fetched,) = Fetch(place.bucket, place.pace, patience).run([Want(place.key, sink, etag=file.etag)])
    assert fetched is not None, "what is missing is an error"
    note("read", place.bucket, fetched.head, fetched.head.size)
    return pa.py_buffer(sink.buffer)


def map_whole(file: TableFile, patience: Patience) -> pa.Buffer:
    """All of an object: of a file of this machine, read when it is looked at, and shared with who reads it, too.

    Such a file must not be cut short while it is used.

    Raises:
        StorageError: it cannot be had.
    """
    place = file.place
    if not isinstance(place.bucket, FolderBucket):
        return read_whole(file, patience)
    head = place.bucket.head(place.key, 0)
    note("read", place.bucket, head, head.size)
    return pa.memory_map(f"/{place.key}").read_buffer()


def coalesced(ranges: Iterable[tuple[int, int]], gap: int = GAP_BYTES) -> list[tuple[int, int]]:
    """The same bytes in fewer ranges, those between neighbours included.

    >>> coalesced([(10, 20), (0, 5), (500, 600)], gap=8)
    [(0, 20), (500, 600)]
    """
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif stop > start:
            found.append((start, stop))
    return found
