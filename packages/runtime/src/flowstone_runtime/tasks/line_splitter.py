"""Bytes as they come from a pipe, turned into whole lines of text."""

_LONGEST_LINE_BYTES = 1 << 16


class LineSplitter:
    """Cuts one stream into lines; keeps the unfinished one for later.

    Bytes that are not UTF-8 are shown as escapes. A line longer than 64 KiB is cut between
    two characters, so that a program which never ends its line cannot fill the memory.
    How the stream was cut into pieces on its way makes no difference.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *ended, rest = (self._rest + data).split(b"\n")
        lines: list[str] = []
        for line in ended:
            lines += _pieces(line)
            lines[-1] = lines[-1].removesuffix("\r")
        *whole, last = _cut(rest)
        self._rest = last
        return lines + [_decode(piece) for piece in whole]

    def finish(self) -> list[str]:
        """The last line, if it was not ended."""
        rest, self._rest = self._rest, b""
        return [_decode(rest).removesuffix("\r")] if rest else []


def _pieces(line: bytes) -> list[str]:
    return [_decode(piece) for piece in _cut(line)]


def _cut(line: bytes) -> list[bytes]:
    """The line in pieces of at most 64 KiB; the last one may be empty, and may go on."""
    pieces = []
    start = 0
    while len(line) - start > _LONGEST_LINE_BYTES:
        end = start + _LONGEST_LINE_BYTES
        # A byte 10xxxxxx continues a character, which has four bytes at most.
        end -= next((back for back in range(4) if line[end - back] & 0xC0 != 0x80), 0)
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]]


def _decode(line: bytes) -> str:
    return line.decode("utf-8", errors="backslashreplace")
