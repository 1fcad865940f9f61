"""`@resources`: what a step needs of the machine."""

from typing import ClassVar, TypeVar

import attrs

from flowstone_interfaces import Resources, TaskRequest
from flowstone_runtime.decorators.option_values import not_negative, whole_number
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

Number = TypeVar("Number", int, float)


@attrs.frozen(kw_only=True)
class ResourcesDecorator(StepDecorator):
    """What each task of the step needs. Memory and disk in MiB.

    On this machine, tasks that do not fit beside each other wait for each other; one that is larger than the
    machine runs alone. What is not given is not counted.
    """

    name: ClassVar[str] = "resources"

    cpu: float | None = attrs.field(default=None, converter=attrs.converters.optional(not_negative))
    gpu: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    disk: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    memory: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))
    shared_memory: int | None = attrs.field(default=None, converter=attrs.converters.optional(whole_number))

    def plan(self, request: TaskRequest) -> TaskRequest:
        """Ask for what is given; of what was asked for before, the larger counts."""
        own = Resources(self.cpu, self.memory, self.gpu, self.disk, self.shared_memory)
        return attrs.evolve(request, resources=larger_resources(request.resources, own))


def larger_resources(one: Resources, other: Resources) -> Resources:
    """Of each, the larger; what only one of them says is as it says.

    >>> larger_resources(Resources(cpus=1, gpus=2), Resources(cpus=4)).cpus
    4
    """
    return Resources(
        cpus=_larger(one.cpus, other.cpus),
        memory_mib=_larger(one.memory_mib, other.memory_mib),
        gpus=_larger(one.gpus, other.gpus),
        disk_mib=_larger(one.disk_mib, other.disk_mib),
        shared_memory_mib=_larger(one.shared_memory_mib, other.shared_memory_mib),
    )


def _larger(one: Number | None, other: Number | None) -> Number | None:
    return max((value for value in (one, other) if value is not None), default=None)


resources = declares(ResourcesDecorator)
