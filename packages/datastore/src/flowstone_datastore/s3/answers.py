"""The headers of an answer, in the words of an object."""

import re
from collections.abc import Mapping

from flowstone_datastore.s3.bucket import ObjectHead
from flowstone_datastore.s3.checksums import stated_checksum

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_METADATA = "x-amz-meta-"


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
    if not text:
        return 0.0
    from email.utils import mktime_tz, parsedate_tz

    found = parsedate_tz(text)
    return 0.0 if found is None else float(mktime_tz(found))
