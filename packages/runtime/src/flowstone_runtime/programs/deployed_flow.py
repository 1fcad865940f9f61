"""A flow that a production scheduler has, and runs of it, for programs."""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from flowstone_client import Client, NotFoundError, Run
from flowstone_interfaces import FlowstoneError


class RunNotBegunError(FlowstoneError, TimeoutError):
    """A run was triggered, and its first task has not begun so far."""

    def __init__(self, pathspec: str, seconds: float) -> None:
        super().__init__(pathspec, seconds)
        self.pathspec = pathspec
        self.seconds = seconds

    def __str__(self) -> str:
        return f"{self.pathspec} has not begun after {self.seconds:g} seconds; jobs may be waiting: wait longer"


class DeployedPlace(Protocol):
    """Where a flow is deployed, and under which name; whoever talks to the scheduler about it."""

    @property
    def name(self) -> str | None:
        """What it is called there; `None` for as the flow."""

    def trigger(self, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Start a run; its pathspec, and the URL of the store."""

    def list_runs(self) -> list[dict[str, Any]]:
        """The runs, newest first."""

    def terminate(self, pathspec: str) -> None:
        """Stop a run and its jobs."""

    def delete(self) -> None:
        """Have the scheduler forget the flow."""


@attrs.frozen
class DeployedFlow:
    """A flow that a production scheduler has."""

    place: DeployedPlace
    flow_name: str
    deployment: str
    """Its version: the address of its content."""
    production_token: str = attrs.field(repr=False)

    @property
    def name(self) -> str:
        """What it is called on the scheduler."""
        return self.place.name or self.flow_name

    @classmethod
    def from_deployment(
        cls, identifier: str, impl: str = "step-functions", store: str | None = None, profile: str | None = None
    ) -> "DeployedFlow":
        """What a scheduler has under a name, without the flow's file.

        Args:
            identifier: the name, as `create` printed it.
            impl: the scheduler.
            store: folder or URL of the store; by default that of the working folder's settings.
            profile: the profile to take settings from.

        Raises:
            NotDeployedError: there is nothing of this name.
        """
        from flowstone_runtime.programs.deployed_by_name import DeployedByName

        place = DeployedByName.find(identifier, impl, store, profile)
        return cls(place, place.there.flow, place.deployment, place.token)

    def trigger(self, **parameters: Any) -> "TriggeredRun":
        """Start a run, with parameters by name.

        Raises:
            FlowstoneError: a value or the run is refused.
        """
        return TriggeredRun(self, *self.place.trigger(parameters))

    def list_runs(self) -> list[dict[str, Any]]:
        """The runs, newest first, as the scheduler knows them: `run_id`, `state`, `started`, `stopped`."""
        return self.place.list_runs()

    def delete(self) -> None:
        """Have the scheduler forget it.

        Raises:
            FlowstoneError: it is not there any more, or its token has changed.
        """
        self.place.delete()


@attrs.frozen
class TriggeredRun:
    """A run that was started on a production scheduler."""

    deployed: DeployedFlow
    pathspec: str
    store: str

    @property
    def run(self) -> Run | None:
        """The run, once its first task has begun; `None` before."""
        try:
            run = Run(self.pathspec, client=Client(self.store))
        except NotFoundError:
            return None
        return run if run.has_begun else None

    def wait_for_run(self, check_interval: float = 5, timeout: float | None = None) -> Run:
        """The run, once it has begun; look every `check_interval` seconds.

        Raises:
            RunNotBegunError: it has not, after `timeout` seconds.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while (run := self.run) is None:
            if time.monotonic() >= deadline:
                raise RunNotBegunError(self.pathspec, timeout or 0.0)
            time.sleep(min(check_interval, max(0.0, deadline - time.monotonic())))
        return run

    def terminate(self) -> None:
        """Stop it and its jobs.

        Raises:
            FlowstoneError: it is not running.
        """
        self.deployed.place.terminate(self.pathspec)
