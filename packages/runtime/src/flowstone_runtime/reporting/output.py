"""Writing to whoever listens: a reader that goes away, or knows few letters, stops nothing."""

import io
import os
from typing import TextIO


def write_line(out: TextIO, line: str) -> None:
    """Write and flush one line; letters that `out` has no bytes for are shown as escapes.

    If its reader is gone (`... | head`), this line and all that follow are dropped: the
    work goes on, whoever watches.
    """
    try:
        try:
            out.write(line + "\n")
        except UnicodeEncodeError:
            encoding = out.encoding or "ascii"
            out.write(line.encode(encoding, errors="backslashreplace").decode(encoding) + "\n")
        out.flush()
    except BrokenPipeError:
        drop_output(out)


def drop_output(out: TextIO) -> None:
    """Send what is written to `out` from now on, and what it still holds, nowhere."""
    try:
        number = out.fileno()
    except (AttributeError, io.UnsupportedOperation):  # no file: nothing of it is left to flush at exit
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
