"""How a flow is to be run: what may differ from run to run."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_runtime.scheduling.run_plan import DEFAULT_MAX_NUM_SPLITS
from flowstone_runtime.tasks.thread_share import usable_cores

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.resume import ResumeRequest


class Isolation(Enum):
    """How tasks are kept apart."""

    FORK = "fork"
    """Each in a fork of a process that has done the flow's imports."""
    SPAWN = "spawn"
    """Each in a fresh interpreter."""
    NONE = "none"
    """One after the other in the scheduler's own process."""


@attrs.frozen
class RunOptions:
    """What may differ from run to run of one flow."""

    parameters: Mapping[str, Any]
    """Attribute name to value, converted to the parameter's type; for those left out, their defaults count."""
    tags: tuple[str, ...] = ()
    namespace: str | None = None
    """In which tasks look at other runs: a tag, empty for all runs; `None` for that of whoever runs it."""
    max_workers: int = 0
    """Tasks at once; 0 for one for each core that this process may use, and 10,000 on other machines."""
    isolation: Isolation = Isolation.FORK
    added: tuple[str, ...] = ()
    """Decorators for every step that has none of the same name: `retry:times=3`."""
    keeps_going: bool = False
    """After a failure, run all that does not need the failed task."""
    max_num_splits: int = DEFAULT_MAX_NUM_SPLITS
    """A foreach that is wider ends the run."""
    has_debugger: bool = False
    """Open a debugger where a step fails; for `Isolation.NONE`."""
    resume: "ResumeRequest | None" = None
    """Take over what stands of an older run; parameters that are not given are that run's."""
    run_id_file: Path | None = None
    flow_options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the flow's decorators, such as `branch` and `production`."""
    environment: str = "declared"
    """`declared`: steps run in the environments that they declare; `none`: in that of whoever starts the run."""
    announce: Callable[[str], None] | None = None
    """Told the run's pathspec as soon as the run exists."""

    @property
    def workers(self) -> int:
        """Tasks at once on this machine."""
        if self.isolation is Isolation.NONE:
            return 1
        return self.max_workers or usable_cores()
