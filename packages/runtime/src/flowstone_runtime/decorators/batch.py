"""`@batch`: run a step on AWS Batch."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from flowstone_graph import FlowGraph, Node
from flowstone_interfaces import Resources, TaskRequest
from flowstone_runtime.decorators.option_values import boolean, not_negative, whole_number
from flowstone_runtime.decorators.parallel import Parallel
from flowstone_runtime.decorators.resources import larger_resources
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

_MOST_SWAPPINESS = 100


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _pairs(value: Any) -> dict[str, str]:
    """A mapping, or texts such as `awslogs-group:mine`."""
    if isinstance(value, Mapping):
        return {str(name): str(text) for name, text in value.items()}
    found = {}
    for each in _texts(value):
        name, colon, text = each.partition(":")
        if not colon:
            raise ValueError(f"{each!r} is not name:value")
        found[name] = text
    return found


@attrs.frozen(kw_only=True)
class Batch(StepDecorator):
    """Where and how each task of the step runs. Sizes in MiB, but `ephemeral_storage` in GiB.

    What is not given is taken from `@resources`, of both the larger; then from `[tool.flowstone.batch]`; else it
    is 1 CPU, 4,096 MiB and the image `python:<version of this one>`.
    """

    name: ClassVar[str] = "batch"

    cpu: float | None = attrs.field(default=None, converter=attrs.converters.optional(not_negative))
    gpu: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    memory: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    image: str | None = None
    queue: str | None = None
    iam_role: str | None = None
    execution_role: str | None = None
    shared_memory: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    max_swap: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    swappiness: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    inferentia: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    trainium: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    efa: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    use_tmpfs: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    tmpfs_tempdir: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    tmpfs_size: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    tmpfs_path: str | None = None
    privileged: bool | None = attrs.field(default=None, converter=attrs.converters.optional(boolean))
    host_volumes: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_texts))
    efs_volumes: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_texts))
    aws_batch_tags: Mapping[str, str] | None = attrs.field(
        default=None, converter=attrs.converters.optional(_pairs), hash=False
    )
    ephemeral_storage: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    log_driver: str | None = None
    log_options: Mapping[str, str] | None = attrs.field(
        default=None, converter=attrs.converters.optional(_pairs), hash=False
    )
    executable: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.inferentia and self.trainium:
            raise ValueError("inferentia and trainium are on different machines; give one of them")
        if self.swappiness is not None and self.swappiness > _MOST_SWAPPINESS:
            raise ValueError(f"swappiness is {self.swappiness}; it must be from 0 to {_MOST_SWAPPINESS}")
        if self.swappiness is not None and self.max_swap is None:
            raise ValueError("swappiness means nothing without max_swap; give both")
        has_tmpfs = self.use_tmpfs or (self.use_tmpfs is None and self.tmpfs_size)
        if not has_tmpfs and (self.tmpfs_size or self.tmpfs_path):
            raise ValueError("tmpfs_size and tmpfs_path mean nothing without use_tmpfs; write use_tmpfs=True")
        for name in ("cpu", "memory"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} is 0; a job needs some")

    def check(self, graph: FlowGraph, node: Node) -> str | None:
        """Refuse what works together as one."""
        if any(isinstance(decorator, Parallel) for decorator in node.decorators):
            return "steps with @parallel do not run on AWS Batch, where their tasks would not find each other"
        return None

    def fits(self, node: Node) -> bool:
        """`--with batch` leaves steps with `@parallel` where they are."""
        return not any(isinstance(decorator, Parallel) for decorator in node.decorators)

    def plan(self, request: TaskRequest) -> TaskRequest:
        """Have the request run there."""
        resources = Resources(
            cpus=self.cpu, memory_mib=self.memory, gpus=self.gpu, shared_memory_mib=self.shared_memory
        )
        return attrs.evolve(
            request,
            executor="batch",
            resources=larger_resources(request.resources, resources),
            image=self.image or request.image,
            options=self._options(),
        )

    def _options(self) -> dict[str, Any]:
        """What AWS Batch alone understands."""
        given = {
            "queue": self.queue,
            "iam_role": self.iam_role,
            "execution_role": self.execution_role,
            "executable": self.executable,
            "max_swap": self.max_swap,
            "swappiness": self.swappiness,
            "inferentia": self.inferentia,
            "trainium": self.trainium,
            "efa": self.efa,
            "use_tmpfs": True if self.use_tmpfs is None and self.tmpfs_size else self.use_tmpfs,
            "tmpfs_tempdir": self.tmpfs_tempdir,
            "tmpfs_size": self.tmpfs_size,
            "tmpfs_path": self.tmpfs_path,
            "privileged": self.privileged,
            "host_volumes": self.host_volumes,
            "efs_volumes": self.efs_volumes,
            "aws_batch_tags": self.aws_batch_tags,
            "ephemeral_storage_gib": self.ephemeral_storage,
            "log_driver": self.log_driver,
            "log_options": self.log_options,
        }
        return {name: value for name, value in given.items() if value is not None}


batch = declares(Batch)
