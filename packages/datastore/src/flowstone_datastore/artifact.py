"""A stored value, without the value: what it is, how large, and where its bytes are."""

import re
from binascii import b2a_base64
from collections.abc import Iterator
from typing import Any

import attrs

from flowstone_datastore.address import InvalidAddressError, check_address, is_address
from flowstone_datastore.fields import LARGEST_INTEGER, InvalidRecordError, refuse
from flowstone_interfaces.python_310 import Self, strict_base64

PICKLE_5 = "pickle-5"
"""The encoding of a Python pickle of protocol 5 with its out-of-band buffers."""

_ENCODING = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")


@attrs.frozen
class ChunkRef:
    """Some bytes in the store: their address and how many they are."""

    address: str
    size: int

    def __attrs_post_init__(self) -> None:
        # As cheap as can be: a large frame has thousands, and each loading makes them all anew.
        if type(self.size) is int and 0 <= self.size <= LARGEST_INTEGER and is_address(self.address):
            return
        _check_address("ChunkRef.address", self.address)
        _check_size("ChunkRef.size", self.size)

    def to_json(self) -> list[Any]:
        """`[address, size]`."""
        return [self.address, self.size]

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave.

        Raises:
            InvalidRecordError: it is something else.
        """
        if not isinstance(raw, list) or len(raw) != 2:
            refuse("a chunk", raw, "[address, size]")
        return cls(raw[0], raw[1])


@attrs.frozen
class Blob:
    """A sequence of bytes: inline, or in chunks."""

    size: int
    """Bytes, all in all."""
    inline: bytes | None = None
    """The bytes themselves; `None` if they are in chunks."""
    chunks: tuple[ChunkRef, ...] = ()
    """Where the bytes are, in order; empty if they are inline."""

    def __attrs_post_init__(self) -> None:
        if self.inline is not None and self.chunks:
            raise InvalidRecordError("Blob", "it is both inline and in chunks")
        held = sum([chunk.size for chunk in self.chunks]) if self.inline is None else len(self.inline)
        _check_size("Blob.size", self.size)
        if held != self.size:
            raise InvalidRecordError("Blob.size", f"{self.size} bytes, but its parts have {held}")

    @classmethod
    def of_bytes(cls, data: bytes) -> Self:
        """A blob that carries its bytes."""
        return cls(len(data), data)

    @classmethod
    def of_chunks(cls, *chunks: ChunkRef) -> Self:
        """A blob whose bytes are those of the chunks, joined."""
        return cls(sum(chunk.size for chunk in chunks), None, chunks)

    def to_json(self) -> str | list[Any]:
        """The bytes in base64, or the list of chunks."""
        if self.inline is not None:
            return b2a_base64(self.inline, newline=False).decode("ascii")
        return [chunk.to_json() for chunk in self.chunks]

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave.

        Raises:
            InvalidRecordError: it is something else.
        """
        if isinstance(raw, str):
            try:
                return cls.of_bytes(strict_base64(raw))
            except ValueError as error:
                raise InvalidRecordError("the inline bytes of a blob", str(error)) from error
        if not isinstance(raw, list):
            refuse("a blob", raw, "base64 text or an array of chunks")
        try:
            return cls.of_chunks(*[ChunkRef(address, size) for address, size in raw])
        except (TypeError, ValueError):  # one of them is none: say which
            return cls.of_chunks(*[ChunkRef.from_json(chunk) for chunk in raw])


@attrs.frozen
class Blobs:
    """All bytes of an artifact."""

    stream: Blob
    buffers: tuple[Blob, ...] = ()
    """Large memory that left the stream."""
    cuts: str | None = attrs.field(default=None, eq=False)
    """By which rule the buffers were cut, if their writer says."""

    @property
    def size(self) -> int:
        """Bytes of the stream and of all buffers."""
        return self.stream.size + sum([buffer.size for buffer in self.buffers])

    @property
    def chunks(self) -> Iterator[ChunkRef]:
        """Every chunk, in order."""
        for blob in (self.stream, *self.buffers):
            yield from blob.chunks

    def to_json(self) -> dict[str, Any]:
        """`stream` and, where there are such, `buffers` and `cuts`."""
        raw: dict[str, Any] = {"stream": self.stream.to_json()}
        if self.buffers:
            raw["buffers"] = [buffer.to_json() for buffer in self.buffers]
        if self.cuts is not None:
            raw["cuts"] = self.cuts
        return raw

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it; other fields are ignored.

        Raises:
            InvalidRecordError: it is something else.
        """
        if not isinstance(raw, dict) or "stream" not in raw:
            refuse("the blobs of an artifact", raw, "an object with a stream")
        buffers = raw.get("buffers", [])
        if not isinstance(buffers, list):
            refuse("Artifact.buffers", buffers, "an array of blobs")
        cuts = raw.get("cuts")
        if cuts is not None:
            _check_text("Artifact.cuts", cuts)
        return cls(Blob.from_json(raw["stream"]), tuple([Blob.from_json(buffer) for buffer in buffers]), cuts)


@attrs.frozen
class Artifact:
    """All that a store knows of a value without unpickling it."""

    type: str
    """Module and qualified name of the value's type, for people: `builtins.dict`."""
    size: int
    """Bytes of the stream and of all buffers."""
    address: str
    """The identity of the value: equal values have equal ones, as far as FORMAT.md says."""
    encoding: str
    """How the bytes make a value."""
    blobs: Blobs | None
    """The bytes; `None` if `layout` says where they are listed."""
    layout: ChunkRef | None = None
    """A chunk that holds the JSON of the blobs, where it is too long for a record."""

    def __attrs_post_init__(self) -> None:
        _check_text("Artifact.type", self.type)
        _check_text("Artifact.encoding", self.encoding)
        if not is_encoding(self.encoding):
            refuse("Artifact.encoding", self.encoding, "a name of lowercase letters, digits, '.' or '-'")
        _check_address("Artifact.address", self.address)
        _check_size("Artifact.size", self.size)
        if (self.blobs is None) == (self.layout is None):
            raise InvalidRecordError("an artifact", "it has both blobs and a layout, or neither")
        if self.blobs is not None and self.blobs.size != self.size:
            raise InvalidRecordError("Artifact.size", f"{self.size} bytes, but its blobs have {self.blobs.size}")

    def to_json(self) -> dict[str, Any]:
        """The artifact as FORMAT.md writes it."""
        raw = {"type": self.type, "size": self.size, "address": self.address, "encoding": self.encoding}
        if self.layout is not None:
            return {**raw, "layout": self.layout.to_json()}
        return raw if self.blobs is None else {**raw, **self.blobs.to_json()}

    @classmethod
    def from_json(cls, raw: Any) -> Self:
        """Read what `to_json` gave, whoever wrote it; unknown fields are ignored.

        Raises:
            InvalidRecordError: a field is missing, or holds what it may not.
        """
        if not isinstance(raw, dict):
            refuse("an artifact", raw, "an object")
        try:
            known = raw["type"], raw["size"], raw["address"], raw["encoding"]
        except KeyError as error:
            raise InvalidRecordError("an artifact", f"it has no {error}") from error
        if "layout" in raw:
            return cls(*known, None, ChunkRef.from_json(raw["layout"]))
        return cls(*known, Blobs.from_json(raw))


def is_encoding(name: str) -> bool:
    """Whether an encoding may have this name."""
    return _ENCODING.match(name) is not None


def _check_text(what: str, text: Any) -> None:
    if not isinstance(text, str):
        refuse(what, text, "text")


def _check_address(what: str, address: Any) -> None:
    try:
        check_address(address)
    except InvalidAddressError as error:
        raise InvalidRecordError(what, str(error)) from error


def _check_size(what: str, size: Any) -> None:
    if type(size) is not int or not 0 <= size <= LARGEST_INTEGER:
        refuse(what, size, "a size in bytes, from 0 to 2^63 - 1")
