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
        asked = request.resources
        return attrs.evolve(
            request,
            resources=Resources(
                cpus=_larger(asked.cpus, self.cpu),
                memory_mib=_larger(asked.memory_mib, self.memory),
                gpus=_larger(asked.gpus, self.gpu),
                disk_mib=_larger(asked.disk_mib, self.disk),
                shared_memory_mib=_larger(asked.shared_memory_mib, self.shared_memory),
            ),
        )


def _larger(one: Number | None, other: Number | None) -> Number | None:
    return max((value for value in (one, other) if value is not None), default=None)


resources = declares(ResourcesDecorator)
