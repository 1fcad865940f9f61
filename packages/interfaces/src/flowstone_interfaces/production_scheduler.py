"""What every production scheduler's deployer promises."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

import attrs

from flowstone_interfaces.production import FlowPlan


@attrs.frozen
class SchedulerOption:
    """An option that `create` takes for one scheduler."""

    name: str
    """As it is written, without the dashes."""
    help: str
    variable: str | None = None
    """The environment variable that gives it where the command line does not."""
    setting: str | None = None
    """The setting that gives it where neither does: `batch.queue` is `queue` of `[tool.flowstone.batch]`."""
    is_number: bool = False


@attrs.frozen
class DeployedFlow:
    """A flow as the scheduler has it."""

    name: str
    """What it is called there, by whoever deployed it."""
    flow: str
    deployment: str
    """The version of the deployment that the next run is of."""
    token: str
    """Who may replace it: whoever knows this."""
    schedule: str | None = None
    """When it is started, for people; `None` for never."""


@attrs.frozen
class Execution:
    """One run, as the scheduler knows it."""

    id: str
    run_id: str
    state: str
    """`running`, `finished`, `failed` or `cancelled`."""
    started: float
    """UTC, seconds since 1970."""
    stopped: float | None = None


class ProductionScheduler(Protocol):
    """Hands flows to one production scheduler, and asks it what became of them.

    Found by name in the entry-point group `flowstone.deployers`: a class that is called with the values of its
    options by name, and with the store's URL. The flow's command line makes its commands of it.
    """

    title: ClassVar[str]
    """What it is, for people: `AWS Step Functions`."""
    options: ClassVar[tuple[SchedulerOption, ...]]

    def __init__(self, given: Mapping[str, str | int | None], store: str) -> None: ...

    def compile(self, plan: FlowPlan) -> bytes:
        """The scheduler's own document for the flow, without talking to it.

        A pure function: equal plans and options give equal bytes, on every machine.

        Raises:
            FlowstoneError: the scheduler could not keep it; it says which limit, and why.
        """

    def explain(self, plan: FlowPlan) -> str:
        """What becomes of each step there, and what is not as it is on one machine, for people. Asks nobody."""

    def differences(self, plan: FlowPlan) -> tuple[str, ...]:
        """What is not as it is on one machine, or not done at all, a sentence each. Asks nobody."""

    def permissions(self, plan: FlowPlan) -> Mapping[str, Any]:
        """What those who run the flow have to be allowed, and nothing more, by who it is. Asks nobody."""

    def deployed(self, name: str) -> DeployedFlow | None:
        """What the scheduler has under this name; `None` if nothing."""

    def create(self, plan: FlowPlan, token: str) -> None:
        """Make it what the scheduler has under the plan's name, whatever was there; runs that go on go on."""

    def trigger(self, name: str, run_id: str, text: str, *, is_new: bool = True) -> str:
        """Start a run of this id with an input, JSON; the id of the execution.

        Without `is_new`, go on with a run that an execution began: its jobs know what has finished.
        """

    def executions(self, name: str) -> Iterator[Execution]:
        """The runs, newest first."""

    def terminate(self, name: str, run_id: str, why: str) -> bool:
        """Stop a run and its jobs; False if it was not running."""

    def delete(self, name: str) -> None:
        """Have the scheduler forget it; what ran stays in the store."""
