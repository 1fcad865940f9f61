"""Which run an execution is of, by what the scheduler calls it."""

import re
from datetime import datetime, timezone

_RUN_ID = re.compile(r"(\d{8}-\d{6}-[0-9a-z]+)(?:-r\d+)?\Z")
"""The name of an execution that we started: the run's id, and for one that goes on with a run when it began."""


def run_id_of(name: str, started: float) -> str:
    """The id of the run of an execution: its name where it was triggered, else made of when it began and its name.

    >>> run_id_of("20260102-030405-k3f9-r1767323045", 1767323045.0)
    '20260102-030405-k3f9'
    >>> run_id_of("c0ffee-by-hand", 1767323045.0)
    '20260102-030405-c0ffee'
    """
    if match := _RUN_ID.match(name):
        return match[1]
    parts = [part for part in re.split("[-_]", name) if part]
    return f"{datetime.fromtimestamp(started, timezone.utc):%Y%m%d-%H%M%S}-{parts[0]}"
