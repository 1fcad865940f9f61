"""Where a job of AWS finds what it signs requests with: variables, the container's endpoint, the machine's."""

import datetime as dt
import http.client
import json
import os
import time
import urllib.parse

_CONTAINER_HOST = "http://169.254.170.2"
_MACHINE_HOST = "http://169.254.169.254"
_PATIENCE_SECONDS = 5
_RENEW_SECONDS = 300


class NoCredentialsError(Exception):
    """There is nothing to sign with."""


class Credentials:
    """Access key, secret key and token, renewed before they expire. For one thread."""

    def __init__(self) -> None:
        self._found: tuple[str, str, str] | None = None
        self._expires = 0.0

    def get(self) -> tuple[str, str, str]:
        """Those that are valid now; the token is empty if there is none.

        Raises:
            NoCredentialsError: nobody offers any.
        """
        if self._found is None or time.time() > self._expires - _RENEW_SECONDS:
            self._found = self._find()
        return self._found

    def _find(self) -> tuple[str, str, str]:
        key = os.environ.get("AWS_ACCESS_KEY_ID")
        if key:
            self._expires = float("inf")
            return key, os.environ.get("AWS_SECRET_ACCESS_KEY", ""), os.environ.get("AWS_SESSION_TOKEN", "")
        url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") or ""
        relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        if relative:
            url = _CONTAINER_HOST + relative
        try:
            return self._kept(_ask(url, _container_headers()) if url else _of_machine())
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            text = f"{type(error).__name__}: {error}"
            raise NoCredentialsError(
                "this job has no AWS credentials: no variables, and no role that can be had "
                f"({text}); give it a role, with iam_role or in the job queue's machines"
            ) from error

    def _kept(self, answer: str) -> tuple[str, str, str]:
        found = json.loads(answer)
        expiry = found["Expiration"].replace("Z", "+00:00")
        self._expires = dt.datetime.fromisoformat(expiry).timestamp()
        return found["AccessKeyId"], found["SecretAccessKey"], found["Token"]


def _container_headers() -> dict[str, str]:
    file = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if file:
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - every import costs bytes of a command
            token = opened.read().strip()
    return {"Authorization": token} if token else {}


def _of_machine() -> str:
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise ValueError("the machine is not to be asked")
    token = _ask(f"{_MACHINE_HOST}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}, "PUT")
    headers = {"X-aws-ec2-metadata-token": token}
    place = f"{_MACHINE_HOST}/latest/meta-data/iam/security-credentials/"
    return _ask(place + _ask(place, headers).split()[0], headers)


def _ask(url: str, headers: dict[str, str], method: str = "GET") -> str:
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError(f"{parts.netloc} answers {answer.status}")
    return body
