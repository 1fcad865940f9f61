"""The one place that imports boto3: a client for a connection, one per process."""

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from flowstone_datastore.s3_errors import S3SupportMissingError
from flowstone_datastore.s3_settings import S3Connection, S3Settings

MOST_CONNECTIONS = 16
"""How many connections a client keeps open, and how many transfers one call has under way."""

_MOST_ATTEMPTS = 10
_CONNECT_SECONDS = 10
_READ_SECONDS = 60

# Process-wide, because connections, credentials and the retry quota (what keeps a busy service from a
# storm of retries) are worth sharing between all stores of a process. Keyed by the process: a forked child
# must not talk on its parent's connections. Never emptied: dropping an inherited client would take
# locks that another thread of the parent may have held when it forked. dict.setdefault needs no lock.
_clients: dict[tuple[int, S3Connection], Any] = {}
# Descriptions of services, read from disk in 0.2 s; plain data without locks, so a forked child may use them.
_loaders: list[Any] = []


def client_for(settings: S3Settings) -> Any:  # boto3's classes are made when it runs: there is no type to name
    """The client of this process for the connection; made when first asked for, from any thread.

    Raises:
        S3SupportMissingError: boto3 is not installed.
    """
    key = (os.getpid(), settings.connection)
    client = _clients.get(key)
    return _clients.setdefault(key, _new_client(settings)) if client is None else client


def credentials_for(settings: S3Settings) -> Any:
    """What boto3's chain finds to sign with, renewed by itself; `None` if it finds nothing, or nothing is signed.

    Raises:
        S3SupportMissingError: boto3 is not installed.
    """
    if settings.connection.is_anonymous:
        return None
    try:
        new_session = import_module("botocore.session").get_session
    except ImportError as error:
        raise S3SupportMissingError(settings.bucket) from error
    return new_session().get_credentials()


def botocore_exceptions() -> ModuleType:
    """The errors that a client raises; for who has one, or has an error of one."""
    return import_module("botocore.exceptions")


def _new_client(settings: S3Settings) -> Any:
    try:
        boto3, botocore = import_module("boto3"), import_module("botocore")
        new_session = import_module("botocore.session").get_session
        make_config = import_module("botocore.config").Config
    except ImportError as error:
        raise S3SupportMissingError(settings.bucket) from error
    connection = settings.connection
    session = new_session()
    if _loaders:
        session.register_component("data_loader", _loaders[0])
    # Servers other than AWS's know the bucket best in the path, and some refuse checksums that AWS asks for.
    is_aws = connection.endpoint_url is None
    addressing = connection.addressing if is_aws or connection.addressing != "auto" else "path"
    checksums = "when_supported" if is_aws else "when_required"
    config = make_config(
        signature_version=botocore.UNSIGNED if connection.is_anonymous else None,
        max_pool_connections=MOST_CONNECTIONS,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _MOST_ATTEMPTS},
        s3={"addressing_style": addressing},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
    )
    client = boto3.Session(botocore_session=session, region_name=connection.region).client(
        "s3", endpoint_url=connection.endpoint_url, config=config
    )
    if not _loaders:
        _loaders.append(session.get_component("data_loader"))
    return client
