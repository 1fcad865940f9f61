"""Where the objects of a bucket are, and how requests for them are signed: asked from botocore, once."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

import attrs

from flowstone_datastore.s3_client import client_for
from flowstone_datastore.s3_failures import translated_s3
from flowstone_datastore.s3_settings import S3Settings

_PROBE = "flowstone-probe"
_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/s3/aws4_request,")


@attrs.frozen
class Endpoint:
    """A bucket, as the fast lane reaches it."""

    host: str
    port: int
    is_tls: bool
    path: str
    """What stands before each key, quoted: `/`, or `/bucket/`."""
    region: str
    """What requests are signed for; empty if they are not signed."""

    @property
    def host_header(self) -> str:
        """The name by which the server knows itself."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """True if the server runs on this machine, so that both share its cores."""
        return self.host in {"127.0.0.1", "localhost", "::1"}


class _ProbedError(Exception):
    """Brings a request back before it is sent."""

    def __init__(self, url: str, authorization: str) -> None:
        super().__init__(url)
        self.url = url
        self.authorization = authorization


def endpoint_of(settings: S3Settings) -> Endpoint | None:
    """Where botocore would send requests for the bucket; `None` if they go by a way that only botocore knows.

    That is: through a proxy, to S3 Express or another service with signatures of its own.

    Raises:
        StorageError: boto3 is not installed, finds no credentials, or does not know the region.
    """
    probed = _probe(settings)
    parts = urlsplit(probed.url)
    path, found, _ = parts.path.partition(_PROBE)
    if not found or parts.hostname is None or _has_proxy(probed.url):
        return None
    scope = _SCOPE.match(probed.authorization)
    if scope is None and not settings.connection.is_anonymous:
        return None
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    return Endpoint(parts.hostname, port, is_tls, quote(path, safe="-_.~/%"), scope[1] if scope else "")


def _probe(settings: S3Settings) -> _ProbedError:
    """Have botocore make and sign a request that nothing else uses, and take it before it leaves."""
    client = client_for(settings)

    def bring_back(request: Any, **_: Any) -> None:
        authorization = request.headers.get("Authorization", "")
        text = authorization.decode() if isinstance(authorization, bytes) else authorization
        raise _ProbedError(request.url, text)

    client.meta.events.register("before-send.s3.GetObjectTorrent", bring_back, unique_id=_PROBE)
    try:
        with translated_s3("", settings):
            client.get_object_torrent(Bucket=settings.bucket, Key=_PROBE)
    except _ProbedError as probed:
        return probed
    raise AssertionError("botocore sent what it was to give back")


def _has_proxy(url: str) -> bool:
    from importlib import import_module

    return bool(import_module("botocore.utils").get_environ_proxies(url))
