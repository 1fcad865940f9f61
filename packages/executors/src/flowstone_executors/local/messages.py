"""What the supervisor and the zygote say to each other over their socket.

Supervisor to zygote: a command header, then `environ_size + payload_size` bytes; a
START carries three descriptors (stdout, stderr, result) with its header. Zygote to
supervisor: notices of fixed size. Both ends are one program, so the layout is free
to change.
"""

import struct
from enum import IntEnum

import attrs


class Verb(IntEnum):
    """What the zygote is asked to do."""

    START = 1
    KILL = 2


class News(IntEnum):
    """What the zygote reports."""

    STARTED = 1
    """`value` is the process id."""
    EXITED = 2
    """`value` is the exit status, negative for a signal."""
    NOT_STARTED = 3
    """`value` is the errno of the fork that failed."""


_COMMAND = struct.Struct("!BQQQQ")
_NOTICE = struct.Struct("!BQqdd")
COMMAND_BYTES = _COMMAND.size
NOTICE_BYTES = _NOTICE.size


@attrs.frozen
class Command:
    """One request to the zygote. `number` identifies the task attempt."""

    verb: Verb
    number: int
    argv_bytes: int = 0
    environ_bytes: int = 0
    payload_bytes: int = 0

    def pack(self) -> bytes:
        """The header that travels."""
        return _COMMAND.pack(self.verb, self.number, self.argv_bytes, self.environ_bytes, self.payload_bytes)

    @classmethod
    def unpack(cls, data: bytes) -> "Command":
        """The inverse of `pack`."""
        verb, number, argv_bytes, environ_bytes, payload_bytes = _COMMAND.unpack(data)
        return cls(Verb(verb), number, argv_bytes, environ_bytes, payload_bytes)


@attrs.frozen
class Notice:
    """One report of the zygote."""

    news: News
    number: int
    value: int
    cpu_seconds: float = 0.0
    max_memory_mib: float = 0.0

    def pack(self) -> bytes:
        """The bytes that travel."""
        return _NOTICE.pack(self.news, self.number, self.value, self.cpu_seconds, self.max_memory_mib)

    @classmethod
    def unpack(cls, data: bytes) -> "Notice":
        """The inverse of `pack`."""
        news, number, value, cpu_seconds, max_memory_mib = _NOTICE.unpack(data)
        return cls(News(news), number, value, cpu_seconds, max_memory_mib)
