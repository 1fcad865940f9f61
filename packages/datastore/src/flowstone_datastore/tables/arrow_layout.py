"""Where in an Arrow IPC file the buffers of each column are, as its footer and the heads of its batches say.

pyarrow tells the schema, but not the places. They stand in flatbuffers, whose layout never changes: see
https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format, `File.fbs`, `Message.fbs`, and
https://flatbuffers.dev/internals/ for how tables and vectors lie in bytes.
"""

import struct
from collections.abc import Sequence

import attrs
import pyarrow as pa

MAGIC = b"ARROW1"
END_BYTES = 10
"""Four bytes say how long the footer is, six are the magic."""
_CONTINUATION = b"\xff\xff\xff\xff"
_BLOCK = struct.Struct("<qi4xq")
_BUFFER = struct.Struct("<qq")
_DICTIONARIES, _BATCHES = 2, 3  # fields of a Footer
_HEADER, _BUFFERS, _COMPRESSION = 2, 2, 3  # of a Message; of a RecordBatch
_kinds = pa.types
_OWN_BUFFERS = (
    (0, (_kinds.is_null,)),
    (1, (_kinds.is_fixed_size_list, _kinds.is_struct)),
    (2, (_kinds.is_dictionary, _kinds.is_primitive, _kinds.is_decimal, _kinds.is_fixed_size_binary)),
    (2, (_kinds.is_list, _kinds.is_large_list, _kinds.is_map)),
    (3, (_kinds.is_string, _kinds.is_binary, _kinds.is_large_string, _kinds.is_large_binary)),
)
"""How many buffers a column has beside its children's: which values are there, where they begin, the values."""


class UnknownLayoutError(Exception):
    """What is here is not laid out as this module knows: whoever asked reads all of the file."""


@attrs.frozen
class Block:
    """One message of a file: a head, and the body that it describes."""

    start: int
    head_bytes: int
    body_bytes: int

    @property
    def body(self) -> int:
        """Where the body begins."""
        return self.start + self.head_bytes

    @property
    def stop(self) -> int:
        """Where it ends."""
        return self.body + self.body_bytes


@attrs.frozen
class Footer:
    """The messages of a file."""

    dictionaries: tuple[Block, ...]
    batches: tuple[Block, ...]


@attrs.frozen
class BatchHead:
    """What the head of a batch says: each buffer's place in the body, and whether they are compressed."""

    buffers: tuple[tuple[int, int], ...]
    is_compressed: bool


def footer_bytes(end: bytes, size: int) -> int:
    """From where the footer begins to the end of a file of `size` bytes, whose last ones are `end`.

    Raises:
        UnknownLayoutError: it is no Arrow IPC file, or it is cut short.
    """
    if len(end) < END_BYTES or end[-len(MAGIC) :] != MAGIC:
        raise UnknownLayoutError
    needed = int.from_bytes(end[-END_BYTES : -len(MAGIC)], "little", signed=True) + END_BYTES
    if not END_BYTES < needed <= size:
        raise UnknownLayoutError
    return needed


def footer_of(data: bytes, size: int) -> Footer:
    """The footer in the last bytes of a file of `size` bytes.

    Raises:
        UnknownLayoutError: it says nothing that could be true.
    """
    table = _Table.root(data[-footer_bytes(data, size) : -END_BYTES])
    found = [
        tuple([Block(*values) for values in table.structs(field, _BLOCK)]) for field in (_DICTIONARIES, _BATCHES)
    ]
    for block in (*found[0], *found[1]):
        if min(block.start, block.head_bytes, block.body_bytes) < 0 or block.stop > size:
            raise UnknownLayoutError
    return Footer(*found)


def batch_head_of(data: bytes) -> BatchHead:
    """The head of a batch: all of its bytes.

    Raises:
        UnknownLayoutError: it is none.
    """
    skipped = 8 if data.startswith(_CONTINUATION) else 4  # before 0.15 there was only the length
    batch = _Table.root(data[skipped:]).table(_HEADER)
    buffers = tuple([(start, size) for start, size in batch.structs(_BUFFERS, _BUFFER)])
    return BatchHead(buffers, batch.has(_COMPRESSION))


def ranges_of(head: BatchHead, block: Block, schema: pa.Schema, columns: Sequence[str]) -> list[tuple[int, int]]:
    """Where the columns of a batch are in the file, start to stop.

    Raises:
        UnknownLayoutError: a type, or the number of buffers, is not known here.
    """
    wanted, at = set(columns), 0
    found: list[tuple[int, int]] = []
    for field in schema:
        count = _buffer_count(field.type)
        if field.name in wanted:
            found += head.buffers[at : at + count]
        at += count
    if at != len(head.buffers) or any(min(part) < 0 or sum(part) > block.body_bytes for part in found):
        raise UnknownLayoutError
    return [(block.body + start, block.body + start + size) for start, size in found if size]


def _buffer_count(kind: pa.DataType) -> int:
    """How many buffers a column of the type has in a batch, its children's among them."""
    if isinstance(kind, pa.BaseExtensionType):
        return _buffer_count(kind.storage_type)
    for own, tests in _OWN_BUFFERS:
        if any(test(kind) for test in tests):
            return own + _children(kind)
    raise UnknownLayoutError  # views, unions and runs have as many as their data need


def _children(kind: pa.DataType) -> int:
    if pa.types.is_dictionary(kind):
        return 0  # its values are elsewhere
    if pa.types.is_map(kind):
        return 1 + _buffer_count(kind.key_type) + _buffer_count(kind.item_type)  # a list of structs
    return sum([_buffer_count(kind.field(number).type) for number in range(kind.num_fields)])


class _Table:
    """A table of a flatbuffer: its fields are found by number."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._vtable = at - _read("<i", data, at)
        self._vtable_bytes = _read("<H", data, self._vtable)

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        """The table that a buffer is about."""
        return cls(data, _read("<I", data, 0))

    def has(self, field: int) -> bool:
        """True if the field is given."""
        return self._place(field) is not None

    def table(self, field: int) -> "_Table":
        """A field that is a table."""
        place = self._place(field)
        if place is None:
            raise UnknownLayoutError
        return _Table(self._data, place + _read("<I", self._data, place))

    def structs(self, field: int, form: struct.Struct) -> list[tuple[int, ...]]:
        """A field that is a vector of structs; none if it is not given."""
        place = self._place(field)
        if place is None:
            return []
        at = place + _read("<I", self._data, place)
        start, count = at + 4, _read("<I", self._data, at)
        if start + count * form.size > len(self._data):
            raise UnknownLayoutError
        return [form.unpack_from(self._data, start + number * form.size) for number in range(count)]

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._vtable_bytes:
            return None
        offset = _read("<H", self._data, self._vtable + entry)
        return self._at + offset if offset else None


def _read(form: str, data: bytes, at: int) -> int:
    try:
        if at < 0:
            raise UnknownLayoutError
        return int(struct.unpack_from(form, data, at)[0])
    except struct.error as error:
        raise UnknownLayoutError from error
