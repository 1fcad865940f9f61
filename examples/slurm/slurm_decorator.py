"""`@slurm` and `--with slurm`: run a step's tasks as jobs of Slurm. What they need, `@resources` says."""

from typing import ClassVar

import attrs

from flowstone_interfaces import TaskRequest
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares


@attrs.frozen(kw_only=True)
class Slurm(StepDecorator):
    """Has the step's requests go to the executor of this name."""

    name: ClassVar[str] = "slurm"

    def plan(self, request: TaskRequest) -> TaskRequest:
        """See `StepDecorator.plan`."""
        return attrs.evolve(request, executor="slurm")


slurm = declares(Slurm)
