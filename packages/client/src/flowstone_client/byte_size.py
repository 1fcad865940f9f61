"""Sizes as people write them: `20 GiB`, `500 MB`, `0`."""

import re

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]?)(i?)B?\s*\Z")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_byte_size(text: str) -> int:
    """The bytes that a text means: `GiB` counts by 1,024, `GB` by 1,000.

    >>> parse_byte_size("20 GiB"), parse_byte_size("1.5MB"), parse_byte_size("0")
    (21474836480, 1500000, 0)

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.match(text)
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{text!r:.80} is no size; write it like '20 GiB', '500 MB' or '0'")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2]])


def human_bytes(size_bytes: int) -> str:
    """A size to be read.

    >>> human_bytes(1023), human_bytes(1536), human_bytes(300 * 1024**3)
    ('1023 B', '1.5 KiB', '300.0 GiB')
    """
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
