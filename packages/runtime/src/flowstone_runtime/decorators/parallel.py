"""`@parallel`: a step whose tasks work together, all at the same time."""

from typing import ClassVar

import attrs

from flowstone_runtime.decorators.step_decorator import StepDecorator, declares


@attrs.frozen(kw_only=True)
class Parallel(StepDecorator):
    """Marks the step that `self.next(self.train, num_parallel=4)` leads to: its tasks all run at the same time.

    `current.parallel` tells each of them who it is and where the first one is.
    """

    name: ClassVar[str] = "parallel"


parallel = declares(Parallel)
