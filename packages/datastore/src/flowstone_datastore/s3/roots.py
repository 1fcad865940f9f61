"""What a client is told of where its keys are and how it is reached -> a root and a connection."""

from collections.abc import Mapping
from typing import Any

from flowstone_datastore.data_access import running_run
from flowstone_datastore.s3.errors import S3InvalidUseError
from flowstone_datastore.s3_settings import S3Connection


def connection_of(client_params: Mapping[str, Any]) -> S3Connection:
    """The connection of boto3's words for one."""
    unknown = set(client_params) - {"endpoint_url", "region_name"}
    if unknown:
        raise S3InvalidUseError(
            f"client_params holds {', '.join(sorted(unknown))}", "endpoint_url and region_name mean something here"
        )
    return S3Connection(client_params.get("endpoint_url"), client_params.get("region_name"))


def root_of(bucket: str | None, prefix: str | None, run: Any, s3root: str | None) -> str:
    """The root as a URL; empty if there is none."""
    if s3root is not None and (bucket is not None or prefix is not None):
        raise S3InvalidUseError("both s3root and bucket or prefix are given", "give one of them")
    if prefix is not None and bucket is None:
        raise S3InvalidUseError(f"the prefix {prefix!r} is in no bucket", "give the bucket, too")
    root = s3root or ""
    if bucket is not None:
        root = bucket if "://" in bucket else f"s3://{bucket}"
        root = f"{root.rstrip('/')}/{prefix.strip('/')}" if prefix else root
    if run is None:
        return root
    if not root:
        raise S3InvalidUseError(
            "the run's folder is in no place", "give s3root, too: the run's folder is below it"
        )
    place, question, options = root.partition("?")
    return f"{place.rstrip('/')}/{_run_path(run)}{question}{options}"


def _run_path(run: Any) -> str:
    """`Flow/run` of a text, of a run, or of the flow whose task this process runs."""
    path = run if isinstance(run, str) else getattr(run, "pathspec", None) or running_run()
    if not isinstance(path, str) or path.count("/") != 1:
        raise S3InvalidUseError(f"run={run!r} is no run", "give Flow/run, a Run, or in a step self")
    return path
