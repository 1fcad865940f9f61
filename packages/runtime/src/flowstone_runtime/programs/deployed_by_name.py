"""A flow on a production scheduler, known by its name alone: nothing of the flow is loaded."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore
from flowstone_interfaces.plugins import load_plugin
from flowstone_interfaces.production_scheduler import ProductionScheduler
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.commands.production import record_cancellation
from flowstone_runtime.errors import UsageError
from flowstone_runtime.production.on_scheduler import GROUP, OnScheduler
from flowstone_runtime.production.tokens import Tokens


@attrs.frozen
class DeployedByName:
    """A `DeployedPlace` that asks the scheduler itself."""

    there: OnScheduler
    deployment: str
    token: str
    user: str

    @classmethod
    def find(cls, name: str, scheduler: str, store: str | None, profile: str | None) -> Self:
        """Look it up.

        Raises:
            NotDeployedError: there is nothing of this name.
        """
        settings = Settings.load(Path.cwd(), os.environ, {"store": store, "profile": profile})
        datastore = Datastore.open(settings.store, cache=settings.cache)
        kind: type[ProductionScheduler] = load_plugin(GROUP, scheduler)
        tokens = Tokens.of_user(os.environ)
        there = OnScheduler(kind({}, datastore.url), scheduler, name, "", datastore, tokens)
        found = there.deployed()
        return cls(attrs.evolve(there, flow=found.flow), found.deployment, found.token, settings.user)

    @property
    def name(self) -> str:
        """What it is called there."""
        return self.there.name

    def trigger(self, parameters: Mapping[str, Any]) -> tuple[str, str]:
        """Start a run; its first job converts and checks the parameters, and the run fails if one is wrong."""
        datastore = self.there.datastore
        run_id = datastore.new_run_id(self.there.flow, time.time())
        try:
            text = json.dumps({"run": run_id, "parameters": dict(parameters)}, separators=(",", ":"))
        except TypeError as error:
            raise UsageError(f"{self.name}: a parameter is no JSON: {error}; give texts and numbers") from error
        self.there.scheduler.trigger(self.name, run_id, text)
        return f"{self.there.flow}/{run_id}", datastore.url

    def list_runs(self) -> list[dict[str, Any]]:
        """The runs, newest first."""
        return [attrs.asdict(execution) for execution in self.there.scheduler.executions(self.name)]

    def terminate(self, pathspec: str) -> None:
        """Stop a run and its jobs, with the token that is remembered."""
        self.there.authorized(None)
        run_id, why = pathspec.rpartition("/")[2], f"terminated by {self.user}"
        if not self.there.scheduler.terminate(self.name, run_id, why):
            raise UsageError(f"{pathspec} is not running; list_runs() shows what is")
        record_cancellation(self.there.datastore, self.there.flow, run_id, why)

    def delete(self) -> None:
        """Have the scheduler forget the flow, with the token that is remembered."""
        self.there.authorized(None)
        self.there.scheduler.delete(self.name)
