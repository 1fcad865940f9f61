"""What travels between an executor and its jobs, as objects of the staging; both sides read and write it here.

A *request object* holds the requests of one array of jobs: eight digits, the length of a head in JSON, the head,
and one part for each job, its own fields in a line of JSON and then its payload. A job reads its own part. The
head also says how the job is called, and which requests it is for: by that, whoever goes on with a run finds it.

An *end object* holds what became of a job: a line of JSON, the result, and the last of its *printed lines*. Lines
that did not fit are in objects of their own, `<end object>.<number>`. A printed line is what the job writes to
its standard output, which the log service keeps: the line itself, with `[stderr] ` before it if it was written
there; `[stdout] ` is before a line that is empty or looks as if it were marked; `+` says that the line goes on.
"""

import json
from collections.abc import Mapping

HEAD_DIGITS = 8
FIRST_READ_BYTES = 1 << 16
LONGEST_LINE_BYTES = 16_000
LINES_BYTES = 1 << 20
"""Of printed lines in one object."""


def request_object(common: Mapping[str, object], parts: list[tuple[dict[str, object], bytes]]) -> bytes:
    """The requests of one array: what holds for all, the command as `argv`, and fields and payload of each."""
    packed = [json.dumps(fields).encode() + b"\n" + payload for fields, payload in parts]
    head = json.dumps({**common, "sizes": [len(part) for part in packed]}).encode()
    return b"".join([f"{len(head):0{HEAD_DIGITS}}".encode(), head, *packed])


def head_of(data: bytes) -> dict[str, object]:
    """The head of a request object."""
    size = int(data[:HEAD_DIGITS])
    head: dict[str, object] = json.loads(data[HEAD_DIGITS : HEAD_DIGITS + size])
    return head


def end_name(request_name: str, index: int) -> str:
    """The name of the end object of a job."""
    return f"{request_name}.{index}.end"


def marked(is_stderr: bool, line: bytes, goes_on: bool) -> bytes:
    """A printed line."""
    if not (is_stderr or goes_on) and line and not line.startswith(b"[std"):
        return line
    return b"[std%s%s] %s" % (b"err" if is_stderr else b"out", b"+" if goes_on else b"", line)


def unmarked(line: bytes) -> tuple[bool, bytes]:
    """Whether a printed line was written to the standard error, and what was written."""
    for is_stderr, mark in ((True, b"[stderr"), (False, b"[stdout")):
        if line.startswith(mark + b"] "):
            return is_stderr, line[len(mark) + 2 :] + b"\n"
        if line.startswith(mark + b"+] "):
            return is_stderr, line[len(mark) + 3 :]
    return False, line + b"\n"
