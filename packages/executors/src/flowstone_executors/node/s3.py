"""Objects of S3 with the standard library alone: read, and written, by signed requests that are tried again."""

import hashlib
import hmac
import http.client
import os
import random
import time
import urllib.parse

from flowstone_executors.node.credentials import Credentials

_TRIES = 10
_LONGEST_PAUSE_SECONDS = 20.0
_PATIENCE_SECONDS = 60
_AGAIN = (408, 429, 500, 502, 503, 504)


class S3Error(Exception):
    """S3 does not do what it was asked for, even when it is asked again."""


class S3Place:
    """`s3://bucket/prefix?endpoint_url=...&region=...`: objects below a prefix. For one thread."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        options = dict(urllib.parse.parse_qsl(parts.query))
        self.url = url
        self._bucket = parts.netloc
        self._prefix = urllib.parse.unquote(parts.path).strip("/")
        environ = os.environ
        self._endpoint = (
            options.get("endpoint_url")
            or environ.get("AWS_ENDPOINT_URL_S3")
            or environ.get("AWS_ENDPOINT_URL")
            or ""
        )
        self._region = (
            options.get("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        )
        is_anonymous = options.get("anonymous") == "true"
        self._credentials = None if is_anonymous else Credentials()
        self._addressing = options.get("addressing", "auto")
        self._connection: http.client.HTTPConnection | None = None

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """The object's bytes from `start` on, at most `length`; `None` if there is no such object.

        Raises:
            S3Error: it cannot be read.
            NoCredentialsError: there is nothing to sign with.
        """
        headers = {}
        if start or length is not None:
            headers["range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        status, body = self._request("GET", name, b"", headers)
        if status == http.client.NOT_FOUND:
            return None
        return b"" if status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE else body

    def put(self, name: str, data: bytes) -> None:
        """Write an object.

        Raises:
            S3Error: it cannot be written.
            NoCredentialsError: there is nothing to sign with.
        """
        status, body = self._request("PUT", name, data, {})
        if status == http.client.NOT_FOUND:
            raise S3Error(self._said("PUT", name, status, body))

    def _request(self, method: str, name: str, data: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        said = ""
        for number in range(_TRIES):
            if number:
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.1 * 2**number)))  # noqa: S311 - no secret
            try:
                status, body, region = self._once(method, name, data, headers)
            except (OSError, http.client.HTTPException) as error:
                self._close()
                said = f"{method} {self._shown(name)}: {type(error).__name__}: {error}"
                continue
            if status < 300 or status in (404, 416):
                return status, body
            said = self._said(method, name, status, body)
            if region and region != self._region:
                self._region = region
                self._close()
            elif status not in _AGAIN and b"RequestTimeout" not in body:
                break
        raise S3Error(said)

    def _once(self, method: str, name: str, data: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        scheme, host, path = self._address(name)
        if self._connection is None:
            kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
            self._connection = kind(host, timeout=_PATIENCE_SECONDS)
        signed = self._signed(method, path, {**headers, "host": host}, data)
        self._connection.request(method, path, data if method == "PUT" else None, signed)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self._close()
        return answer.status, body, answer.getheader("x-amz-bucket-region") or ""

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _address(self, name: str) -> tuple[str, str, str]:
        """Scheme, host and path of an object's URL."""
        key = urllib.parse.quote(f"{self._prefix}/{name}".lstrip("/"), safe="-_.~/")
        scheme, host = "https", f"s3.{self._region}.amazonaws.com"
        below = ""
        if self._endpoint:
            parts = urllib.parse.urlsplit(self._endpoint)
            scheme, host, below = parts.scheme, parts.netloc, parts.path.rstrip("/")
        is_virtual = self._addressing == "virtual" or (
            self._addressing == "auto" and not self._endpoint and "." not in self._bucket
        )
        if is_virtual:
            return scheme, f"{self._bucket}.{host}", f"{below}/{key}"
        return scheme, host, f"{below}/{self._bucket}/{key}"

    def _signed(self, method: str, path: str, headers: dict[str, str], data: bytes) -> dict[str, str]:
        if self._credentials is None:
            return headers
        access_key, secret, token = self._credentials.get()
        digest = hashlib.sha256(data).hexdigest()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = {**headers, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        if token:
            signed["x-amz-security-token"] = token
        names = sorted(signed)
        listed = ";".join(names)
        lines = "".join(f"{each}:{signed[each]}\n" for each in names)
        canonical = f"{method}\n{path}\n\n{lines}\n{listed}\n{digest}"
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{secret}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _shown(self, name: str) -> str:
        return f"s3://{self._bucket}/{f'{self._prefix}/{name}'.lstrip('/')}"

    def _said(self, method: str, name: str, status: int, body: bytes) -> str:
        return f"{method} {self._shown(name)}: answer {status}: {body[:300].decode(errors='replace')}"
