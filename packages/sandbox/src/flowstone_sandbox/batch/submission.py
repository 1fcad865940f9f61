"""What a request for a job asks for, once it has been checked and its definition applied."""

import json
import re
from collections.abc import Mapping
from typing import Any

from flowstone_sandbox.batch.capacity import Need
from flowstone_sandbox.batch.errors import InvalidRequestError
from flowstone_sandbox.batch.job import Dependency, Submission
from flowstone_sandbox.batch.retry import RetryStrategy

MOST_OVERRIDE_BYTES = 8192
MOST_CHILDREN = 10_000
MOST_DEPENDENCIES = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_RESERVED = "AWS_BATCH"
_DEFAULT_VCPUS = 1.0
_DEFAULT_MEMORY_MIB = 512


def settle(request: Mapping[str, Any], queue: Any, definition: Any, region: str) -> Submission:
    """Check a `SubmitJob` request and apply it to its definition.

    Args:
        request: The request's fields.
        queue: moto's queue.
        definition: moto's job definition.
        region: Where it was asked for.

    Raises:
        InvalidRequestError: AWS would not take it.
    """
    name = request.get("jobName") or ""
    if _NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            f"Job name {name!r} should match valid pattern: letters, digits, - and _, up to 128, the first no sign"
        )
    if queue.state != "ENABLED":
        raise InvalidRequestError(f"Job queue {queue.name} is not in an enabled state")
    if definition.status != "ACTIVE":
        raise InvalidRequestError(f"Job definition {definition.arn} is not active")
    if definition.type != "container" or definition.container_properties is None:
        raise InvalidRequestError(f"The sandbox runs jobs of one container only, not {definition.type} jobs")
    overrides = request.get("containerOverrides") or {}
    size_bytes = len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False).encode())
    if size_bytes > MOST_OVERRIDE_BYTES:
        raise InvalidRequestError(
            f"Container Overrides length must be at most {MOST_OVERRIDE_BYTES}, but it is {size_bytes}"
        )
    parameters = {**definition.parameters, **(request.get("parameters") or {})}
    container = _container(definition.container_properties, overrides)
    size = _size(request.get("arrayProperties") or {})
    timeout = request.get("timeout") or definition.timeout or {}
    return Submission(
        name=name,
        region=region,
        queue_name=queue.name,
        queue_arn=queue.arn,
        queue_priority=int(queue.priority or 0),
        environment_name=queue.environments[0].name,
        definition_name=definition.name,
        definition_arn=definition.arn,
        container=container,
        command=tuple(_filled_in(word, parameters) for word in container["command"]),
        need=_need(container),
        retry=RetryStrategy.parse(request.get("retryStrategy") or definition.retry_strategy),
        timeout_seconds=timeout.get("attemptDurationSeconds"),
        depends_on=_dependencies(request.get("dependsOn") or [], size),
        parameters=parameters,
        tags=request.get("tags") or {},
        size=size,
        platforms=tuple(definition.platform_capabilities or ()),
    )


def _container(defined: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    variables = {item["name"]: item["value"] for item in defined.get("environment") or []}
    variables |= {item["name"]: item["value"] for item in overrides.get("environment") or []}
    if reserved := next((name for name in variables if name.startswith(_RESERVED)), None):
        raise InvalidRequestError(f"Environment variable {reserved} begins with the reserved {_RESERVED}")
    # the older fields vcpus and memory mean the same
    amounts = {"VCPU": str(_DEFAULT_VCPUS), "MEMORY": str(_DEFAULT_MEMORY_MIB)}
    for source in (defined, overrides):
        older = {"VCPU": source.get("vcpus"), "MEMORY": source.get("memory")}
        amounts |= {kind: str(value) for kind, value in older.items() if value is not None}
        amounts |= {item["type"]: item["value"] for item in source.get("resourceRequirements") or []}
    return {
        **defined,
        "command": overrides.get("command") or defined.get("command") or [],
        "environment": [{"name": key, "value": value} for key, value in variables.items()],
        "resourceRequirements": [{"type": kind, "value": value} for kind, value in amounts.items()],
    }


def _need(container: Mapping[str, Any]) -> Need:
    amounts = {item["type"]: item["value"] for item in container["resourceRequirements"]}
    try:
        need = Need(float(amounts["VCPU"]), int(amounts["MEMORY"]), int(amounts.get("GPU", 0)))
    except ValueError as error:
        raise InvalidRequestError(f"A resource requirement is no number: {error}") from error
    if need.vcpus <= 0 or need.memory_mib < 4 or need.gpus < 0:
        raise InvalidRequestError(
            f"resourceRequirements ask for {need.vcpus:g} vCPUs, {need.memory_mib} MiB, {need.gpus} GPUs: "
            "vCPUs must be more than 0, memory at least 4 MiB"
        )
    return need


def _filled_in(word: str, parameters: Mapping[str, str]) -> str:
    """`Ref::name` is a whole word, or a part of one; longer names first, since one may begin as another does."""
    for name in sorted(parameters, key=len, reverse=True):
        word = word.replace(f"Ref::{name}", parameters[name])
    return word


def _size(properties: Mapping[str, Any]) -> int | None:
    size = properties.get("size")
    if size is not None and not 2 <= size <= MOST_CHILDREN:
        raise InvalidRequestError(f"The array size must be between 2 and {MOST_CHILDREN}, not {size}")
    return size


def _dependencies(given: list[dict[str, str]], size: int | None) -> tuple[Dependency, ...]:
    if len(given) > MOST_DEPENDENCIES:
        raise InvalidRequestError(f"A job may depend on at most {MOST_DEPENDENCIES} jobs, not on {len(given)}")
    found = tuple(Dependency(item.get("jobId"), item.get("type")) for item in given)
    for dependency in found:
        if dependency.kind is not None and size is None:
            raise InvalidRequestError(f"A dependency of type {dependency.kind} is for array jobs")
        if dependency.job_id is None and dependency.kind != "SEQUENTIAL":
            raise InvalidRequestError("A dependency must name a job")
    return found
