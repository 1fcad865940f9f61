"""A flow on its way to a production scheduler: what the runtime tells a deployer, and how a job is told its task.

Plain values, so that neither side knows the other: whoever runs tasks says what to start for each step, a deployer
says when.
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from flowstone_interfaces.task_request import TaskRequest

FLOW: Final = "FLOWSTONE_TASK_FLOW"
"""The variables that a job finds its task in. This one: the flow's name."""
VERSION: Final = "FLOWSTONE_TASK_DEPLOYMENT"
"""The version of the deployment."""
RUN: Final = "FLOWSTONE_TASK_RUN"
"""The run's id."""
STEP: Final = "FLOWSTONE_TASK_STEP"
"""The step's name."""
ITEM: Final = "FLOWSTONE_TASK_ITEM"
"""The item's index at each level of foreach around the step, outermost first, joined by `-`; `0` for none."""
PARENT: Final = "FLOWSTONE_TASK_PARENT"
"""The step that led here, and after a `.` its iteration if it is not the first; empty for the first step."""
FAILURE: Final = "FLOWSTONE_TASK_FAILURE"
"""Why the last attempt failed, for a job that only catches that; empty for any other."""
INPUT: Final = "FLOWSTONE_TASK_INPUT"
"""For the first task: what started the execution, as JSON: `{"parameters": {...}}`."""
ERROR: Final = "FLOWSTONE_TASK_ERROR"
"""For the job that ends a failed run: what the scheduler says of the failure."""

EXECUTION: Final = "FLOWSTONE_TASK_EXECUTION"
"""For a job that ends a run which its scheduler names by its execution only: that one's name, see `run_id_of`."""
STARTED: Final = "FLOWSTONE_TASK_STARTED"
"""Likewise: when the execution began; UTC, milliseconds since 1970."""
CANCELLED: Final = "FLOWSTONE_TASK_CANCELLED"
"""Likewise: what the scheduler says in `ERROR` of a run that somebody stopped."""

SWITCH_SEPARATOR: Final = " "


def items_path(flow: str, run_id: str, step: str, item: str) -> str:
    """Where in the store a foreach leaves its items, a JSON array of what `ITEM` is to be for each.

    Like `way_path`, it is given with placeholders where a scheduler fills in what it knows.

    >>> items_path("Train", "{}", "start", "{}")
    'runs/Train/{}/production/start.{}.items.json'
    """
    return f"runs/{flow}/{run_id}/production/{step}.{item}.items.json"


def results_path(flow: str, run_id: str, step: str, item: str) -> str:
    """Where in the store a scheduler may put what it keeps of a foreach's items; nothing of ours reads it.

    >>> results_path("Train", "{}", "start", "{}")
    'runs/Train/{}/production/start.{}.results'
    """
    return f"runs/{flow}/{run_id}/production/{step}.{item}.results"


def way_path(flow: str, run_id: str, step: str, item: str) -> str:
    """Where in the store a switch leaves which way it went: the target, a space, and what `PARENT` is to be.

    >>> way_path("Train", "{}", "check", "{}")
    'runs/Train/{}/production/check.{}.way.txt'
    """
    return f"runs/{flow}/{run_id}/production/{step}.{item}.way.txt"


@attrs.frozen
class RetryPlan:
    """How often, and when, a failed task is tried again."""

    times: int
    """Attempts after the first."""
    wait_seconds: float = 0.0
    """Before the second attempt."""
    backoff: float = 1.0
    """Each later wait is this many times as long as the one before."""
    is_selective: bool = False
    """True if the task itself says after each failure whether to go on; see `TRY_AGAIN`."""


TRY_AGAIN: Final = 75
"""The exit code of a job whose task failed and is to be tried again; of any other failure it is not this one."""


@attrs.frozen
class StepPlan:
    """How the jobs of one step are started."""

    request: TaskRequest
    """Program, environment, resources, limit and image; its id and payload mean nothing here."""
    retry: RetryPlan | None = None
    catches: bool = False
    """True if a job is to be started with `FAILURE` after the last attempt has failed."""


@attrs.frozen
class SchedulePlan:
    """When a production scheduler starts the flow by itself."""

    cron: str
    """Five fields or six: minute, hour, day of the month, month, day of the week, year."""
    timezone: str | None = None
    """`None` for the scheduler's own."""


@attrs.frozen
class AwaitedEvent:
    """An event that the flow is started upon."""

    name: str
    parameters: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """The flow's parameter to the event's field."""


@attrs.frozen
class AwaitedFlow:
    """A flow whose success this one is started upon."""

    flow: str
    name: str
    """What it is called on the scheduler."""


TRIGGER: Final = "trigger"
"""In `INPUT`, of an execution that something has started: a list with one object for each thing that came.

Of a run, `{"type": "run", "flow", "execution", "started", "stopped"}`: the name of its execution, and when that
began and ended, in milliseconds since 1970. Of an event, `{"type": "event", "name", "id", "time", "parameters",
"payload"}`: the time as ISO 8601 has it, and what `AwaitedEvent` says of parameters.
"""


@attrs.frozen
class FlowPlan:
    """A flow, ready to be handed to a production scheduler."""

    name: str
    """What it is called there."""
    deployment: str
    """The address of the deployment in the store: what runs, by content."""
    graph: Mapping[str, Any] = attrs.field(hash=False)
    """As plain data, see `FlowGraph.to_dict`."""
    store: str
    """URL of the store."""
    steps: Mapping[str, StepPlan] = attrs.field(hash=False)
    ending: TaskRequest
    """The job that says in the journal that a run has failed, and calls its exit hooks."""
    schedule: SchedulePlan | None = None
    success_hooks: TaskRequest | None = None
    """The job that calls the exit hooks of a run that has finished; `None` if there are none."""
    awaited: tuple[AwaitedEvent | AwaitedFlow, ...] = ()
    """What the flow is started upon, once each of them has come."""
