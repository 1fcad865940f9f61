"""Numbers, texts and truth values, read out of their pickles: nothing is imported, nothing runs."""

import re
import struct
from typing import TypeAlias

from flowstone_datastore.artifact import PICKLE_5, Artifact

Plain: TypeAlias = bool | int | float | str

LONGEST_PLAIN_BYTES = 1024
"""Of a text: longer ones are data, not something to search for."""

_HEAD = rb"\x80[\x04\x05](?:\x95.{8})?"
_TAIL = rb"\x94?\."
_FIXED = re.compile(_HEAD + rb"(?:(\x88)|(\x89)|K(.)|M(..)|J(....)|G(.{8}))" + _TAIL + rb"\Z", re.DOTALL)
_COUNTED = re.compile(_HEAD + rb"(?:\x8a(.)|\x8c(.)|X(....))", re.DOTALL)
_NUMPY = re.compile(
    _HEAD + rb"\x8c.numpy(?:\._core|\.core)\.multiarray\x94\x8c\x06scalar\x94\x93\x94\x8c\x05numpy\x94"
    rb"\x8c\x05dtype\x94\x93\x94\x8c\x02(f8|f4|i8|i4)\x94\x89\x88\x87\x94R\x94\(K\x03\x8c\x01<\x94NNNJ\xff{4}J\xff{4}"
    rb"K\x00t\x94bC(?:\x08(.{8})|\x04(.{4}))" + rb"\x94\x86\x94R\x94\.\Z",
    re.DOTALL,
)
_NUMPY_FORMS = {b"f8": "<d", b"f4": "<f", b"i8": "<q", b"i4": "<i"}


def plain_value(artifact: Artifact) -> Plain | None:
    """The value of an artifact that is a number (also numpy's), text or truth value; `None` for all others.

    It reads only what stands in the record itself.

    >>> from flowstone_datastore.artifact import Blob, Blobs
    >>> stream = Blobs(Blob.of_bytes(bytes([0x80, 5, 0x4B, 7, 0x2E])))
    >>> plain_value(Artifact("builtins.int", 5, "0" * 64, "pickle-5", stream))
    7
    """
    if artifact.encoding != PICKLE_5 or artifact.blobs is None or artifact.blobs.buffers:
        return None
    stream = artifact.blobs.stream.inline
    if stream is None or len(stream) > LONGEST_PLAIN_BYTES:
        return None
    try:
        return _read(stream)
    except (ValueError, struct.error):  # bytes that no pickler wrote
        return None


def _read(stream: bytes) -> Plain | None:
    if match := _FIXED.match(stream):
        return _fixed(match)
    if match := _NUMPY.match(stream):
        value: int | float = struct.unpack(_NUMPY_FORMS[match[1]], match[2] or match[3])[0]
        return value
    if match := _COUNTED.match(stream):
        return _counted(match, stream)
    return None


def _fixed(match: re.Match[bytes]) -> Plain:
    true, false, byte, short, long, double = match.groups()
    if true or false:
        return bool(true)
    if double is not None:
        number: float = struct.unpack(">d", double)[0]
        return number
    return int.from_bytes(byte or short or long, "little", signed=long is not None)


def _counted(match: re.Match[bytes], stream: bytes) -> Plain | None:
    integer, short, long = match.groups()
    count = int.from_bytes(integer or short or long, "little")
    data, rest = stream[match.end() : match.end() + count], stream[match.end() + count :]
    if len(data) != count or rest not in (b".", b"\x94."):
        return None
    return int.from_bytes(data, "little", signed=True) if integer is not None else data.decode("utf-8")
