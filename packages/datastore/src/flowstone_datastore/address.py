"""The name of some bytes: their BLAKE3 hash, in hex.

Two pieces of data with one address are the same data, so an address alone tells a
reader what it will get, and lets it check that it got it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from blake3 import blake3

from flowstone_datastore.storage import Buffer
from flowstone_interfaces import FlowstoneError

CANONICAL_BYTES = 64 * 1024
"""Values with longer streams are named by the stream as it is: reading more, opcode by opcode, takes too long."""

_ADDRESS = re.compile(r"[0-9a-f]{64}\Z")


class InvalidAddressError(FlowstoneError, ValueError):
    """Something that should be an address and is none."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{self.text} is no address; an address is 64 digits of 0-9a-f"


def address_of(*buffers: Buffer) -> str:
    """The address of the buffers' bytes, as if they were joined.

    >>> address_of(b"")[:8]
    'af1349b9'
    >>> address_of(b"flow", b"stone") == address_of(b"flowstone")
    True
    """
    digest = blake3()
    for buffer in buffers:
        digest.update(buffer)
    return digest.hexdigest()


def blob_address(chunks: Sequence[str]) -> str:
    """The identity of some bytes from the addresses of their chunks: of one chunk, its own."""
    if len(chunks) == 1:
        return chunks[0]
    return address_of("\n".join(("flowstone-blob", *chunks, "")).encode("ascii"))


def artifact_address(encoding: str, stream: str, buffers: Iterable[str]) -> str:
    """The identity of a stored value, from its encoding and the addresses of its whole stream and buffers.

    The pre-image begins with what it is, and children enter by their hash, so no two
    different values can share one; how stream and buffers were cut plays no part.
    """
    return address_of("\n".join(("flowstone-artifact", encoding, stream, *buffers, "")).encode("ascii"))


def is_address(text: Any) -> bool:
    """Whether this is a text that may be an address."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def canonical_address(encoding: str, form: bytes) -> str:
    """The identity of a stored value that has a canonical form, in which its buffers stand by their addresses."""
    return address_of(f"flowstone-canonical\n{encoding}\n".encode("ascii"), form)


def check_address(text: Any) -> str:
    """Return `text` if it is an address.

    Raises:
        InvalidAddressError: it is not 64 lowercase hexadecimal digits.
    """
    if not isinstance(text, str) or not _ADDRESS.match(text):
        raise InvalidAddressError(f"{text!r:.80}")
    return text
