"""What AWS Batch calls a job definition: everything that jobs have in common, named by its content. Pure."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from flowstone_executors.batch.options import BatchOptions


def job_definition(options: BatchOptions, command: Sequence[str], *, is_fargate: bool = False) -> dict[str, Any]:
    """The request that registers it; equal options give an equal name, so one is registered once."""
    definition: dict[str, Any] = {
        "type": "container",
        "containerProperties": _container(options, command, is_fargate=is_fargate),
        "retryStrategy": {"attempts": 1},  # who schedules the tasks decides on another try
        "platformCapabilities": ["FARGATE" if is_fargate else "EC2"],
        "tags": {"flowstone": "task", **options.aws_batch_tags},
        "propagateTags": True,
    }
    content = json.dumps(definition, sort_keys=True).encode()
    return {"jobDefinitionName": f"flowstone-{hashlib.sha256(content).hexdigest()[:32]}", **definition}


def _container(options: BatchOptions, command: Sequence[str], *, is_fargate: bool) -> dict[str, Any]:
    environment = {}
    if options.use_tmpfs and options.tmpfs_tempdir:
        environment["TMPDIR"] = options.tmpfs_path
    volumes, mounts = _volumes(options)
    container: dict[str, Any] = {
        "image": options.image,
        "command": list(command),
        "jobRoleArn": options.iam_role,
        "executionRoleArn": options.execution_role,
        "resourceRequirements": _requirements(options),
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "linuxParameters": _linux(options),
        "volumes": volumes,
        "mountPoints": mounts,
        "privileged": options.privileged or None,
        "logConfiguration": _logs(options),
    }
    if is_fargate:
        container["fargatePlatformConfiguration"] = {"platformVersion": "LATEST"}
        container["networkConfiguration"] = {"assignPublicIp": "ENABLED"}
    if options.ephemeral_storage_gib:
        container["ephemeralStorage"] = {"sizeInGiB": options.ephemeral_storage_gib}
    return {name: value for name, value in container.items() if value not in (None, [], {})}


def _requirements(options: BatchOptions) -> list[dict[str, str]]:
    amounts = {"VCPU": f"{options.cpus:g}", "MEMORY": str(options.memory_mib)}
    if options.gpus:
        amounts["GPU"] = str(options.gpus)
    return [{"type": kind, "value": value} for kind, value in amounts.items()]


def _linux(options: BatchOptions) -> dict[str, Any]:
    neurons = options.inferentia or options.trainium
    devices = [f"/dev/neuron{number}" for number in range(neurons)]
    devices += [f"/dev/infiniband/uverbs{number}" for number in range(options.efa)]
    found: dict[str, Any] = {
        "sharedMemorySize": options.shared_memory_mib,
        "maxSwap": options.max_swap,
        "swappiness": options.swappiness,
        "devices": [
            {"hostPath": path, "containerPath": path, "permissions": ["READ", "WRITE"]} for path in devices
        ],
    }
    if options.use_tmpfs:
        size = options.tmpfs_size or options.memory_mib // 2
        found["tmpfs"] = [{"containerPath": options.tmpfs_path, "size": size, "mountOptions": ["rw"]}]
    return {name: value for name, value in found.items() if value not in (None, [])}


def _volumes(options: BatchOptions) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Folders of the machine have the same path in the container, file systems of EFS `/mnt/<id>`."""
    volumes: list[dict[str, Any]] = []
    mounts = []
    for number, path in enumerate(options.host_volumes):
        volumes.append({"name": f"host-{number}", "host": {"sourcePath": path}})
        mounts.append({"sourceVolume": f"host-{number}", "containerPath": path})
    for file_system in options.efs_volumes:
        volumes.append({"name": f"efs-{file_system}", "efsVolumeConfiguration": {"fileSystemId": file_system}})
        mounts.append({"sourceVolume": f"efs-{file_system}", "containerPath": f"/mnt/{file_system}"})
    return volumes, mounts


def _logs(options: BatchOptions) -> dict[str, Any] | None:
    if options.log_driver is None and not options.log_options:
        return None
    return {"logDriver": options.log_driver or "awslogs", "options": dict(options.log_options)}
