"""URLs -> buckets and keys; how a service is reached, and the client's measure of it."""

import os
import re
from functools import lru_cache
from pathlib import Path

import attrs

from flowstone_datastore.s3.boto_bucket import BotoBucket
from flowstone_datastore.s3.bucket import Bucket
from flowstone_datastore.s3.endpoint import endpoint_of
from flowstone_datastore.s3.errors import S3InvalidUseError
from flowstone_datastore.s3.folder_bucket import FolderBucket
from flowstone_datastore.s3.http_bucket import HttpBucket
from flowstone_datastore.s3.memory_bucket import MemoryBucket
from flowstone_datastore.s3.pace import Pace
from flowstone_datastore.s3_settings import S3Connection, S3Settings

PART_BYTES = 16 * 1024 * 1024
MOST_CONNECTIONS = 16
"""About 10 Gbit/s of S3, which gives each connection 80 to 100 MB/s."""

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?]*)/?(.*)\Z", re.DOTALL)
_OPTIONS = re.compile(r"\?(?=(?:endpoint_url|region|anonymous|addressing)=)")

# Process-wide: kept connections, and what a service bears, are worth sharing between all clients of a process.
# Keyed by the process: a forked child must not talk on its parent's connections.
_buckets: dict[tuple[int, S3Settings, int], HttpBucket | BotoBucket] = {}
_paces: dict[tuple[int, str, S3Connection, int], Pace] = {}


@attrs.frozen(cache_hash=True)
class Reach:
    """How a client reaches places."""

    connection: S3Connection = attrs.field(factory=S3Connection)
    """For S3 URLs that say nothing of it themselves."""
    most_connections: int | None = None
    """At once; `None` is 16, and two for each core where the server runs on this machine."""
    part_bytes: int = PART_BYTES
    """Larger objects move in parts of this size; S3 takes no less than 5 MiB."""


@attrs.frozen
class Place:
    """What a URL names."""

    bucket: Bucket
    key: str
    pace: Pace
    service: str
    """What two places have in common whose objects go by one transfer."""


def place_of(url: str, reach: Reach) -> Place:
    """The bucket behind a URL, the key in it, and the measure of what it bears.

    `s3://bucket/key`, with `?endpoint_url=...&region=...&anonymous=true` behind the key where need be;
    `file:///folder/key`, `memory://name/key`. Keys are as they are: nothing in them is quoted.

    Raises:
        StorageError: it is no such URL, or S3 cannot be reached at all.
    """
    match = _URL.match(url)
    scheme = match[1] if match else ""
    if match and scheme == "s3":
        key, *options = _OPTIONS.split(match[3], maxsplit=1)
        bucket, pace, service = _service_of(match[2], options[0] if options else "", reach, os.getpid())
        return Place(bucket, key, pace, service)
    width = reach.most_connections or 2 * (os.cpu_count() or 1)
    if match and scheme == "file":
        if match[2] not in {"", "localhost"}:
            raise S3InvalidUseError(f"{url} names another machine", "write file:///folder/key")
        return Place(FolderBucket("/", reach.part_bytes), match[3], Pace(width), "file")
    if match and scheme == "memory":
        return Place(MemoryBucket(match[2], reach.part_bytes), match[3], Pace(width), f"memory {match[2]}")
    raise S3InvalidUseError(
        f"{url!r} names no place", "write s3://bucket/key, file:///folder/key or memory://name/key"
    )


def url_of_path(place: str | os.PathLike[str]) -> str:
    """A URL as it is; a path as a `file://` URL."""
    text = os.fspath(place)
    return text if _URL.match(text) else f"file://{Path(text).absolute()}" + "/" * text.endswith("/")


def forget_places() -> None:
    """Close the kept connections of this process and forget who signs: the next call begins anew."""
    for bucket in _buckets.values():
        bucket.close()
    _buckets.clear()
    _paces.clear()
    _service_of.cache_clear()


@lru_cache(256)
def _service_of(bucket_name: str, options: str, reach: Reach, process: int) -> tuple[Bucket, Pace, str]:
    """The bucket, its pace and the name of its service: found once, not for each of ten thousand keys."""
    settings = S3Settings.from_url(f"s3://{bucket_name}?{options}" if options else f"s3://{bucket_name}")
    if not options:
        settings = attrs.evolve(settings, connection=reach.connection)
    name = (process, settings, reach.part_bytes)
    bucket = _buckets.get(name)
    if bucket is None:
        endpoint = endpoint_of(settings)
        if endpoint is None:
            bucket = BotoBucket(settings, reach.part_bytes)
        else:
            bucket = HttpBucket(settings, endpoint, reach.part_bytes)
        bucket = _buckets.setdefault(name, bucket)
    most = reach.most_connections or (
        2 * (os.cpu_count() or 1)
        if isinstance(bucket, HttpBucket) and bucket.endpoint.is_local
        else MOST_CONNECTIONS
    )
    pace = _paces.setdefault((process, settings.bucket, settings.connection, most), Pace(most))
    return bucket, pace, settings.url
