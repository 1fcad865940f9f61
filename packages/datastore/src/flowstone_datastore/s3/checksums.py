"""Sums over the bytes of objects, as S3 states them, put together from the sums of parts.

A CRC of a whole can be had from those of its parts: appending n bytes multiplies the CRC of what was before by
x^8n, modulo the polynomial. So parts that arrive in any order, in any thread, are checked as one object.
"""

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import attrs

Update = Callable[[Any, int], int]


@attrs.frozen
class Algorithm:
    """One of S3's CRCs; bits are in the reflected order in which all of them are defined."""

    name: str
    """As in the header: `crc32`."""
    bits: int
    polynomial: int
    update: Update = attrs.field(eq=False, repr=False)
    """`update(data, sum so far) -> sum`; the sum of nothing is 0."""
    header: str = attrs.field(init=False, eq=False, repr=False)
    """In which S3 takes and states the sum."""

    @header.default
    def _header(self) -> str:
        return f"x-amz-checksum-{self.name}"

    def stated(self, value: int) -> dict[str, str]:
        """The headers that state the sum of what is sent."""
        return {self.header: self.text(value), "x-amz-sdk-checksum-algorithm": self.name.upper()}

    def text(self, value: int) -> str:
        """The sum as it stands in that header: base64 of its bytes, the highest first."""
        return base64.b64encode(value.to_bytes(self.bits // 8, "big")).decode()

    def combined(self, parts: Iterable[tuple[int, int]]) -> int:
        """The sum of parts that follow each other, of each of which the sum and the length in bytes are given."""
        whole = 0
        for value, length in parts:
            whole = self._times(_power(self, length), whole) ^ value
        return whole

    def _times(self, one: int, other: int) -> int:
        """The product of two polynomials, modulo ours; the highest bit is x^0."""
        product, mask = 0, 1 << (self.bits - 1)
        while mask and one:
            if one & mask:
                product ^= other
                one ^= mask
            other = (other >> 1) ^ self.polynomial if other & 1 else other >> 1
            mask >>= 1
        return product


@cache
def _power(algorithm: Algorithm, length: int) -> int:
    """x^(8 * length), modulo the polynomial: what appending so many bytes multiplies by."""
    result, square, exponent = 1 << (algorithm.bits - 1), 1 << (algorithm.bits - 2), 8 * length
    while exponent:
        if exponent & 1:
            result = algorithm._times(square, result)  # noqa: SLF001 - a part of it that is remembered
        square = algorithm._times(square, square)  # noqa: SLF001 - as above
        exponent >>= 1
    return result


@attrs.frozen
class Checksum:
    """What S3 says the sum of a whole object is."""

    algorithm: Algorithm
    text: str

    def matches(self, parts: Iterable[tuple[int, int]]) -> bool:
        """True if parts with these sums and lengths make the object."""
        return self.algorithm.text(self.algorithm.combined(parts)) == self.text


@cache
def algorithms() -> tuple[Algorithm, ...]:
    """Those that can be computed here, the cheapest first.

    awscrt has three that cost 0.03 s for each GiB; without it there is zlib's.
    """
    try:
        crt: Any = import_module("awscrt.checksums")
    except ImportError:
        return (Algorithm("crc32", 32, 0xEDB88320, zlib.crc32),)
    return (
        Algorithm("crc64nvme", 64, 0x9A6C9329AC4BC9B5, crt.crc64nvme),
        Algorithm("crc32c", 32, 0x82F63B78, crt.crc32c),
        Algorithm("crc32", 32, 0xEDB88320, crt.crc32),
    )


def stated_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The sum over the whole object that an answer states, if it can be computed here; names are in lower case.

    A sum of the sums of parts (`COMPOSITE`, or with `-` and their number at its end) says nothing of the bytes in
    one go.
    """
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    for algorithm in algorithms():
        text = headers.get(algorithm.header)
        if text is not None and "-" not in text:
            return Checksum(algorithm, text)
    return None
