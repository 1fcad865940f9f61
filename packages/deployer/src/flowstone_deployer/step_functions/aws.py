"""Requests to AWS, and what is said when one is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flowstone_interfaces import FlowstoneError


class AwsRefusedError(FlowstoneError, RuntimeError):
    """AWS refuses a request, or does not answer."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what}: AWS says: {self.reason}"


class MissingLibraryError(FlowstoneError, ImportError):
    """boto3 is not installed."""

    def __str__(self) -> str:
        return "Step Functions needs boto3, which is not installed; install flowstone-deployer[aws]"


@cache
def client(service: str) -> Any:
    """A client of a service, with credentials, region and endpoint as boto3 finds them.

    Raises:
        MissingLibraryError: there is no boto3.
        AwsRefusedError: no region is configured, or no credentials.
    """
    try:
        import boto3
    except ImportError as error:
        raise MissingLibraryError from error
    with refusals(f"no client of {service} can be made"):
        return boto3.client(service)


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn what botocore raises into one sentence that begins with `what`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        raise AwsRefusedError(what, f"{details.get('Code', 'error')}: {details.get('Message', error)}") from error
    except BotoCoreError as error:
        raise AwsRefusedError(what, str(error)) from error


def code_of(error: Exception) -> str:
    """The code of a refusal; empty for anything else."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
