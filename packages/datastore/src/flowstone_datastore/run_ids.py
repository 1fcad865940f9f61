"""Names of runs: they sort by time, and no two runs get the same."""

from collections.abc import Callable
from time import gmtime, strftime

RandomBytes = Callable[[int], bytes]
"""So many random bytes: `os.urandom`."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_RANDOM_LENGTH = 4


def make_run_id(now: float, random_bytes: RandomBytes) -> str:
    """`YYYYMMDD-HHMMSS-xxxx`, in UTC, for `now` in seconds since 1970.

    >>> make_run_id(1767225600.0, lambda count: bytes(range(count)))
    '20260101-000000-abcd'
    """
    suffix = "".join([_LETTERS[byte % len(_LETTERS)] for byte in random_bytes(_RANDOM_LENGTH)])
    return f"{strftime('%Y%m%d-%H%M%S', gmtime(now))}-{suffix}"
