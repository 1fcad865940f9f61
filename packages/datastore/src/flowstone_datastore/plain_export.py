"""Texts and bytes -> the file that has them, dicts and lists of plain values -> JSON."""

from pathlib import Path
from typing import Any


class PlainExporter:
    """Bytes as they are, text as UTF-8, anything else as JSON, in UTF-8; tuples become arrays there.

    What JSON would change without a word is refused: keys that are no texts, `nan`, infinity.
    """

    types = (
        "builtins.NoneType",
        "builtins.bool",
        "builtins.bytearray",
        "builtins.bytes",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
    )

    def export(self, value: Any, path: str) -> None:
        """See `Exporter.export`."""
        if isinstance(value, bytes | bytearray):
            Path(path).write_bytes(value)
        elif isinstance(value, str):
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                file.write(value)
        else:
            import json

            _check_keys(value)
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                json.dump(value, file, ensure_ascii=False, allow_nan=False)


def _check_keys(value: Any) -> None:
    """Raise `TypeError` for a key that JSON would turn into a text."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        inner = pending.pop()
        if not isinstance(inner, dict | list | tuple) or id(inner) in seen:
            continue
        seen.add(id(inner))
        if isinstance(inner, dict):
            for key in inner:
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r:.80} is no text, as JSON wants")
            pending += inner.values()
        else:
            pending += inner
