"""The headers of an answer, in the words of an object."""

import re
from calendar import timegm
from collections.abc import Mapping

from flowstone_datastore.s3.bucket import ObjectHead
from flowstone_datastore.s3.checksums import stated_checksum

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_METADATA = "x-amz-meta-"
_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT\Z", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def content_range(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Start, stop and the size of the whole, as `Content-Range` states them; `None` if it does not."""
    match = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return (int(match[1]), int(match[2]) + 1, int(match[3])) if match else None


def head_of(key: str, size: int, headers: Mapping[str, str]) -> ObjectHead:
    """What the headers, names in lower case, say of an object of so many bytes."""
    return ObjectHead(
        key,
        size,
        headers.get("etag", ""),
        headers.get("x-amz-version-id", ""),
        _seconds(headers.get("last-modified", "")),
        headers.get("content-type"),
        headers.get("x-amz-server-side-encryption"),
        {name[len(_METADATA) :]: value for name, value in headers.items() if name.startswith(_METADATA)},
        stated_checksum(headers),
    )


def _seconds(text: str) -> float:
    """What `Last-Modified` means; all servers write it in the first form (RFC 9110, 5.6.7), old ones in others."""
    if not text:
        return 0.0
    match = _DATE.match(text)
    if match is not None and match[2] in _MONTHS:
        day, month, *rest = match.groups()
        year, hour, minute, second = map(int, rest)
        return float(timegm((year, _MONTHS.index(month) + 1, int(day), hour, minute, second)))
    from email.utils import mktime_tz, parsedate_tz

    found = parsedate_tz(text)
    return 0.0 if found is None else float(mktime_tz(found))
