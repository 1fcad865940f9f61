"""What a scheduler is given, what it is told while it runs, and how it ends."""

import queue
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from flowstone_datastore import ChunkCache, RecordRef, Verify
from flowstone_graph import FlowGraph
from flowstone_interfaces import TaskEvent
from flowstone_runtime.environments.step_environment import StepEnvironment
from flowstone_runtime.scheduling.machine import Capacity
from flowstone_runtime.scheduling.ready_queue import Limits

if TYPE_CHECKING:
    from flowstone_runtime.past_runs.reuse import Reuse
    from flowstone_runtime.remote.launch import LaunchRef

DEFAULT_MAX_NUM_SPLITS = 1_000_000
"""A foreach that is wider is taken for a mistake."""


@attrs.frozen
class StopRequest:
    """Posted to the scheduler's queue to end the run at once."""

    why: str


Events = queue.SimpleQueue[TaskEvent | StopRequest]


@attrs.frozen
class Outcome:
    """How a run ended."""

    state: str
    """`finished`, `failed` or `cancelled`."""
    message: str = ""
    failed: tuple[str, ...] = ()
    """Pathspecs of the tasks that failed."""


@attrs.frozen
class RunPlan:
    """What stays the same for all tasks of a run."""

    graph: FlowGraph
    store: str
    run_id: str
    run_record: RecordRef
    main_file: str
    main_module: str | None
    worker_argv: tuple[str, ...]
    limits: Limits
    capacity: Capacity
    """Shared among the tasks that run at once on this machine."""
    environ: Mapping[str, str]
    """Of the process that started the run: what it sets is not set anew for tasks."""
    heartbeat_seconds: float
    verify: Verify = "once"
    cache: ChunkCache | None = None
    max_num_splits: int = DEFAULT_MAX_NUM_SPLITS
    """A foreach that is wider ends the run."""
    keeps_going: bool = False
    """After a failure, run all that does not need the failed task."""
    environments: Mapping[str, StepEnvironment] = attrs.field(factory=dict)
    """Of the steps that have an environment of their own."""
    launch: "LaunchRef | None" = None
    """What machines are told that run tasks of this run; `None` if all run here."""
    reuse: "Reuse | None" = None
    """The tasks of an older run that need not run again."""
