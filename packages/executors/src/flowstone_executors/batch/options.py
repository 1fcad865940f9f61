"""What a step asks of AWS Batch, beside what it asks of any machine."""

import sys
from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_executors.batch.errors import BatchRequestError
from flowstone_interfaces import TaskRequest
from flowstone_interfaces.python_310 import Self

_SETTINGS = ("queue", "image", "iam_role", "execution_role", "executable", "region", "log_group")
_DEFAULT_CPUS = 1.0
_DEFAULT_MEMORY_MIB = 4096


@attrs.frozen(kw_only=True)
class BatchOptions:
    """The options of a request, with the user's settings behind them. Sizes in MiB but where the name says GiB."""

    queue: str
    image: str
    cpus: float = _DEFAULT_CPUS
    memory_mib: int = _DEFAULT_MEMORY_MIB
    gpus: int = 0
    shared_memory_mib: int | None = None
    iam_role: str | None = None
    execution_role: str | None = None
    executable: str = "python3"
    max_swap: int | None = None
    swappiness: int | None = None
    inferentia: int = 0
    trainium: int = 0
    efa: int = 0
    use_tmpfs: bool = False
    tmpfs_tempdir: bool = True
    tmpfs_size: int | None = None
    tmpfs_path: str = "/flowstone_temp"
    privileged: bool = False
    host_volumes: tuple[str, ...] = ()
    efs_volumes: tuple[str, ...] = ()
    aws_batch_tags: Mapping[str, str] = attrs.field(factory=dict)
    ephemeral_storage_gib: int | None = None
    log_driver: str | None = None
    log_options: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, request: TaskRequest, settings: Mapping[str, Any]) -> Self:
        """The request's own; for what it leaves open, the settings, then the defaults.

        Raises:
            BatchRequestError: there is no queue, or an option or setting that there is not.
        """
        known = {field.name for field in attrs.fields(cls)}
        _check(settings, {*_SETTINGS}, "[tool.flowstone.batch] has no setting")
        _check(request.options, known, "@batch has no option")
        given = {**{name: settings[name] for name in settings if name in known}, **request.options}
        asked = request.resources
        resources = {
            "cpus": asked.cpus,
            "memory_mib": asked.memory_mib,
            "gpus": asked.gpus,
            "shared_memory_mib": asked.shared_memory_mib,
            "image": request.image,
        }
        given.update({name: value for name, value in resources.items() if value is not None})
        if not given.get("queue"):
            raise BatchRequestError(
                "no job queue is named",
                "write @batch(queue=...), queue in [tool.flowstone.batch], or set FLOWSTONE_BATCH_QUEUE",
            )
        given.setdefault("image", f"python:{sys.version_info.major}.{sys.version_info.minor}")
        return cls(**given)


def _check(given: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise BatchRequestError(f"{what} {unknown[0]!r}", f"there are {', '.join(sorted(known))}")
