"""How a command tells the program that started it which run it has begun: one JSON line on an inherited pipe.

The variable `FLOWSTONE_ANNOUNCE` names the pipe's file descriptor. It is private to `Runner` and the command line.
"""

import json
import os
from collections.abc import Callable, MutableMapping
from contextlib import suppress

import attrs

VARIABLE = "FLOWSTONE_ANNOUNCE"


@attrs.frozen
class Announcement:
    """A run, or a task, that exists from now on."""

    pathspec: str
    store: str

    def to_line(self) -> bytes:
        """Shorter than what a pipe takes in one piece, as long as the store's place is no novel."""
        return json.dumps(attrs.asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Announcement":
        """The inverse of `to_line`."""
        return cls(**json.loads(line))


def announcer(environ: MutableMapping[str, str], store: str) -> Callable[[str], None] | None:
    """What tells a pathspec to whoever started this process; `None` if nobody asked.

    The variable is taken out of `environ`: it is not for programs that are started from here.
    """
    number = environ.pop(VARIABLE, None)
    if number is None or not number.isdecimal():
        return None

    def announce(pathspec: str) -> None:
        with suppress(OSError):  # whoever asked is gone
            os.write(int(number), Announcement(pathspec, store).to_line())
            os.close(int(number))

    return announce
