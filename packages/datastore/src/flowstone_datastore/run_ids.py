"""Names of runs: they sort by the time at which the runs began."""

from time import gmtime, strftime

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MICROSECOND_DIGITS = 4  # 36 to the fourth is more than a million


def make_run_id(microseconds: int) -> str:
    """`YYYYMMDD-HHMMSS-xxxx`, in UTC: the last part is the microsecond, in base 36.

    `microseconds` counts from 1970.

    >>> make_run_id(1767225600_000036)
    '20260101-000000-0010'
    """
    seconds, rest = divmod(microseconds, 1_000_000)
    digits = ""
    for _ in range(_MICROSECOND_DIGITS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"{strftime('%Y%m%d-%H%M%S', gmtime(seconds))}-{digits}"
