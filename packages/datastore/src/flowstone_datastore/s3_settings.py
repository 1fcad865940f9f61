"""`s3://bucket/prefix?...` and what it says: which objects, and how to reach them.

Credentials are no part of it: URLs end up in logs and records. boto3 finds them where it always does.
"""

import re

import attrs

from flowstone_datastore.s3_errors import InvalidS3UrlError
from flowstone_interfaces.python_310 import Self

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]\Z")
_LONGEST_PREFIX = 120  # of a key's 1,024 bytes; a path takes up to 900, its parts some more
_YES_OR_NO = {"true": True, "false": False}
_ADDRESSINGS = ("auto", "path", "virtual")


@attrs.frozen
class S3Connection:
    """How a service is reached: what two stores must have in common to share a client."""

    endpoint_url: str | None = None
    """`http://127.0.0.1:9000`; `None` is AWS, or whatever boto3's own configuration says."""
    region: str | None = None
    """`None` is what boto3's own configuration says."""
    is_anonymous: bool = False
    """True if requests are not signed."""
    addressing: str = "auto"
    """Where the bucket stands in a request: `path`, `virtual` (in the host name), or what boto3 finds best."""


@attrs.frozen
class S3Settings:
    """Which objects of which bucket are a store, and how they are reached."""

    bucket: str
    prefix: str = ""
    """Without `/` at its ends; empty if the store is the whole bucket."""
    connection: S3Connection = S3Connection()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read `s3://bucket/prefix?endpoint_url=...&region=...&anonymous=true&addressing=path`.

        Raises:
            InvalidS3UrlError: it is none, or holds credentials.
        """
        from urllib.parse import parse_qsl, unquote, urlsplit

        parts = urlsplit(url)
        if "@" in parts.netloc:
            _, _, bucket = parts.netloc.rpartition("@")
            raise InvalidS3UrlError(bucket, "it holds credentials, which would end up in logs and records")
        bucket = parts.netloc
        if not _BUCKET.match(bucket):
            raise InvalidS3UrlError(bucket, "that is no name of a bucket")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        connection = S3Connection(
            _checked_endpoint(bucket, options.pop("endpoint_url", None)),
            options.pop("region", None),
            _chosen(bucket, "anonymous", options.pop("anonymous", "false"), tuple(_YES_OR_NO)) == "true",
            _chosen(bucket, "addressing", options.pop("addressing", "auto"), _ADDRESSINGS),
        )
        if options or parts.fragment:
            unknown = ", ".join(sorted(options)) or "#..."
            raise InvalidS3UrlError(bucket, f"it holds {unknown}, which means nothing here")
        return cls(bucket, _checked_prefix(bucket, unquote(parts.path)), connection)

    @property
    def url(self) -> str:
        """What `from_url` reads: the same text for the same settings."""
        from urllib.parse import quote, urlencode

        connection = self.connection
        options = {
            "endpoint_url": connection.endpoint_url,
            "region": connection.region,
            "anonymous": "true" if connection.is_anonymous else None,
            "addressing": None if connection.addressing == "auto" else connection.addressing,
        }
        query = urlencode({name: value for name, value in options.items() if value}, safe=":/")
        path = f"/{quote(self.prefix)}" if self.prefix else ""
        return f"s3://{self.bucket}{path}{'?' if query else ''}{query}"

    def place_of(self, key: str) -> str:
        """The name of an object for people: `s3://bucket/key at http://127.0.0.1:9000`."""
        endpoint = self.connection.endpoint_url
        return f"s3://{self.bucket}/{key}" + (f" at {endpoint}" if endpoint else "")


def _checked_endpoint(bucket: str, endpoint_url: str | None) -> str | None:
    from urllib.parse import urlsplit

    if endpoint_url is None:
        return None
    parts = urlsplit(endpoint_url)
    if "@" in parts.netloc:
        raise InvalidS3UrlError(bucket, "its endpoint_url holds credentials")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidS3UrlError(bucket, "its endpoint_url is no http:// or https:// URL")
    return endpoint_url.rstrip("/")


def _checked_prefix(bucket: str, path: str) -> str:
    prefix = path.strip("/")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise InvalidS3UrlError(bucket, f"the prefix {prefix!r} has an empty part, '.' or '..'")
    if len(prefix.encode()) > _LONGEST_PREFIX:
        raise InvalidS3UrlError(bucket, f"the prefix is longer than {_LONGEST_PREFIX} bytes")
    return prefix


def _chosen(bucket: str, name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidS3UrlError(bucket, f"its {name} is none of {', '.join(allowed)}")
    return value
