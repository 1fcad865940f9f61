"""Bytes as they come from a pipe, turned into whole lines of text."""

_LONGEST_LINE_BYTES = 1 << 16


class LineSplitter:
    """Cuts one stream into lines; keeps the unfinished one for later.

    Bytes that are not UTF-8 are shown as escapes. A line longer than 64 KiB is cut, so
    that a program which never ends its line cannot fill the memory.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LONGEST_LINE_BYTES:
            lines.append(self._rest[:_LONGEST_LINE_BYTES])
            self._rest = self._rest[_LONGEST_LINE_BYTES:]
        return [_decode(line) for line in lines]

    def finish(self) -> list[str]:
        """The last line, if it was not ended."""
        rest, self._rest = self._rest, b""
        return [_decode(rest)] if rest else []


def _decode(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="backslashreplace")
