"""Who is let in.

A sandbox runs what it is told to, as its user, and a port of 127.0.0.1 is open to every user and browser.

Each sandbox has an access key of its own, made at its start and written where its user alone can read it.
Every request must name it, or a key that the sandbox's own STS or IAM has given out. Signatures are not checked:
to know the key is to know the secret.
"""

import re
import secrets
from typing import Any
from urllib.parse import parse_qs

import attrs

from flowstone_sandbox.options import ACCOUNT, REGION, Credentials

_OLD_HEADER = re.compile(r"AWS ([A-Z0-9]{16,128}):")
_CREDENTIAL = re.compile(r"(?:Credential=)?([A-Z0-9]{16,128})/\d{8}/([^/]+)/([^/]+)/aws4_request")


def new_credentials() -> Credentials:
    """A key that nobody guesses, of the form that AWS's have."""
    return Credentials(f"AKIA{secrets.token_hex(16).upper()}", secrets.token_urlsafe(30))


@attrs.frozen
class Caller:
    """What a request says of itself in its signature."""

    key: str
    region: str
    service: str
    """The name that requests to it are signed with: `s3`, `batch`, `states`."""


def caller_of(environ: dict[str, Any]) -> Caller | None:
    """Read the signature of a request, in its header or in its URL; `None` if there is none."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    found = _CREDENTIAL.search(header) or _CREDENTIAL.search(query.get("X-Amz-Credential", ""))
    if found is not None:
        return Caller(found[1], found[2], found[3])
    # the older signature, which names no service: boto3 still makes links of S3 with it
    older = _OLD_HEADER.match(header)
    key = older[1] if older is not None else query.get("AWSAccessKeyId")
    return None if key is None else Caller(key, REGION, "s3")


def is_let_in(caller: Caller | None, own: Credentials) -> bool:
    """True if the key is this sandbox's, or was given out by it."""
    return caller is not None and (secrets.compare_digest(caller.key, own.key) or _was_given_out(caller.key))


def _was_given_out(key: str) -> bool:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    partition = iam_backends[ACCOUNT]["aws"]
    roles = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(key)
    return roles is not None or any(
        key == found.access_key_id for found in partition.get_all_access_keys_for_all_users()
    )
