"""Arrays, frames and tables -> buffers, one for each column.

pandas keeps columns of a type side by side in one block; cut as a block, a frame with one more row shares
little with what was stored before. So each column leaves a pickle by itself, and is its own memory
again when it is loaded. A column of texts is stored in pieces of rows that begin where the texts say: the offsets
of each count from its own start, so that an inserted row moves the offsets of one piece only.

Nothing is imported here that the program has not imported: who pickles a frame has pandas.
"""

import copyreg
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from flowstone_datastore.chunking import WHOLE_BYTES, average_of, first_cut
from flowstone_datastore.scattered_buffer import ScatteredBuffer

Reduce = Callable[[Any], Any]

_LEAST_BYTES = 16 * 1024
"""A smaller column stays in the pickle, where its block is as good."""
_LEAST_PIECED_BYTES = 1024 * 1024
_LARGEST_PIECE = WHOLE_BYTES // 2
_LEAST_TEXT = 1024
_MOST_JOINED_BYTES = 2**31 - 1
"""More text than that has no single array with offsets of 32 bits."""


def reducers() -> dict[type, Reduce]:
    """How to pickle what is better not pickled as it says, by exact type: for `pickle.Pickler.dispatch_table`."""
    found: dict[type, Reduce] = {}
    for module, kind, reduce in (
        ("numpy", "ndarray", _reduce_array),
        ("pandas", "DataFrame", _reduce_frame),
        ("pandas.arrays", "ArrowStringArray", _reduce_arrow_extension_array),
        ("pandas.arrays", "ArrowExtensionArray", _reduce_arrow_extension_array),
        ("pyarrow", "ChunkedArray", _reduce_chunked_array),
    ):
        known = getattr(sys.modules.get(module), kind, None)
        if known is not None:
            found[known] = reduce
    return found


def _reduce_array(array: Any) -> Any:
    """An array without gaps, so that its memory can leave the pickle; its contiguous copy is the same value."""
    import numpy as np

    if not array.flags.c_contiguous and not array.flags.f_contiguous:
        array = np.ascontiguousarray(array)
    if array.dtype.kind in "mM":  # numpy gives no memory of dates and durations to a pickler
        return rebuild_dates, (array.view("i8"), array.dtype.str)
    if array.dtype.kind in "biufc":  # a loaded array has a type object of its own, which would be pickled again
        array = array.view(array.dtype.str)
    return array.__reduce_ex__(5)


def rebuild_dates(numbers: Any, dtype: str) -> Any:
    """The array of dates or durations that are stored as numbers. Pickles name this function: it must stay."""
    return numbers.view(dtype)


def _reduce_frame(frame: Any) -> Any:
    if len(frame) * 8 < _LEAST_BYTES:
        return frame.__reduce_ex__(5)
    columns = []
    for position in range(frame.shape[1]):
        values = frame.iloc[:, position].array
        columns.append(values.to_numpy() if type(values).__name__ == "NumpyExtensionArray" else values)
    return rebuild_frame, (columns, frame.columns, frame.index, frame.attrs, frame.flags.allows_duplicate_labels)


def rebuild_frame(
    columns: list[Any], names: Any, index: Any, attrs: dict[Any, Any], allows_duplicates: bool
) -> Any:
    """The frame of some columns, which it takes as they are. Pickles name this function: it must stay."""
    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(columns)), index=index, copy=False)
    frame.columns = names
    frame.attrs = attrs
    frame.flags.allows_duplicate_labels = allows_duplicates
    return frame


def _reduce_chunked_array(chunked: Any) -> Any:
    import pyarrow as pa

    kind = chunked.type
    return pa.chunked_array, (_chunks(chunked, kind), kind)


def _reduce_arrow_extension_array(array: Any) -> Any:
    """Pandas' own way, but for what it joins: its `__setstate__` takes a list of chunks as well."""
    stored = array._pa_array  # noqa: SLF001 - its state has it
    state = {**array.__dict__, "_cache": {}, "_pa_array": _chunks(stored, stored.type)}
    return copyreg.__newobj__, (type(array),), state  # type: ignore[attr-defined]  # what pickle itself names


def _chunks(chunked: Any, kind: Any) -> list[Any]:
    """The chunks to store: texts in pieces, whatever they were cut into before; anything else as it is.

    Each piece names the one `kind`, their type: pyarrow makes an object of it whenever it is asked, and a pickle
    tells one object from several.
    """
    import pyarrow as pa

    size = chunked.nbytes  # pyarrow counts it anew each time
    if size < _LEAST_PIECED_BYTES or not _has_offsets(kind):
        return chunked.chunks or [pa.array([], kind)]
    average = _average_text(size, len(chunked), kind)
    if chunked.num_chunks > 1:
        pieces = [piece for chunk in chunked.chunks for piece in _pieces(chunk, kind, average)]
        # What was stored before is in pieces: joining them would double the memory for nothing.
        is_in_pieces = len(pieces) == chunked.num_chunks and all(p.size >= average // 4 for p in pieces[:-1])
        if is_in_pieces or size > _MOST_JOINED_BYTES:
            return pieces
        chunked = pa.chunked_array([pa.concat_arrays(chunked.chunks)])
    return [*_pieces(chunked.chunk(0), kind, average)]


def _average_text(size: int, rows: int, kind: Any) -> int:
    """How many bytes of text a piece should have, so that twice as many, with their offsets, are one chunk."""
    width = 8 if str(kind).startswith("large") else 4
    text = max(1, size - width * rows)
    wanted = 2 * min(average_of(size), _LARGEST_PIECE // 2) * text // size
    return 1 << (max(_LEAST_TEXT, wanted).bit_length() - 1)


def _has_offsets(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


@attrs.frozen(eq=False)
class _TextPiece:
    """Some rows of texts: becomes an array when the pickle is loaded."""

    kind: Any
    offsets: Any
    """An array of numpy: where each row begins, and the last one ends, in a longer text."""
    text: memoryview
    """That of these rows."""
    valid: Any
    """Which rows are not missing, as a bitmap; `None` if all are there."""
    whole: memoryview | None
    """Offsets and text as they are to be stored, if they lie so."""

    @property
    def size(self) -> int:
        """Bytes of offsets and text."""
        return int(self.offsets.nbytes) + self.text.nbytes

    def parts(self) -> tuple[memoryview, memoryview]:
        """Offsets that count from the beginning of the piece, and the text."""
        return memoryview(self.offsets - self.offsets[0]).cast("B"), self.text

    def __reduce__(self) -> Any:
        if self.size < _LEAST_BYTES:
            memory = pickle.PickleBuffer(b"".join(self.parts()))
        else:
            memory = ScatteredBuffer(self.size, self.parts, self.whole).token()
        return rebuild_texts, (memory, self.kind, len(self.offsets) - 1, self.offsets.itemsize, self.valid)


def rebuild_texts(memory: Any, kind: Any, rows: int, width: int, valid: Any) -> Any:
    """The array of texts whose offsets, of `width` bytes, and text are in one piece of memory.

    Pickles name this function: it must stay.
    """
    import pyarrow as pa

    buffer = pa.py_buffer(memory)
    end = (rows + 1) * width
    return pa.Array.from_buffers(kind, rows, [valid, buffer.slice(0, end), buffer.slice(end)])


def _pieces(array: Any, kind: Any, average: int) -> Iterator[Any]:
    """The rows of an array of texts, in pieces of their own that begin where the text says.

    Each piece is cut anew from its first row on, so that one that was stored, loaded and stored again stays whole.
    """
    import numpy as np
    import pyarrow.compute as pc

    if not len(array):
        return
    _, offsets_buffer, data = array.buffers()
    width = np.int64 if str(kind).startswith("large") else np.int32
    offsets = np.frombuffer(offsets_buffer, width)[array.offset : array.offset + len(array) + 1]
    text = memoryview(data or b"").cast("B")
    first = 0
    while first < len(array):
        start = int(offsets[first])
        end = start + first_cut(text[start : int(offsets[-1])], average, 2 * average)
        last = max(first + 1, int(np.searchsorted(offsets, end, side="left")))
        if end == offsets[-1]:  # rows of no text at the end belong to the last piece
            last = len(array)
        part = array.slice(first, last - first)
        valid = pc.is_valid(part).buffers()[1] if part.null_count else None
        rows = offsets[first : last + 1]
        piece = text[start : int(offsets[last])]
        yield _TextPiece(kind, rows, piece, valid, _side_by_side(rows, piece, data, array) if not start else None)
        first = last


def _side_by_side(offsets: Any, text: memoryview, data: Any, array: Any) -> memoryview | None:
    """The memory of both, if the offsets stand before the text, which is the beginning of `data`."""
    import pyarrow as pa

    begin = offsets.ctypes.data
    if not text or begin + offsets.nbytes != data.address:
        return None
    return memoryview(pa.foreign_buffer(begin, offsets.nbytes + text.nbytes, array))
