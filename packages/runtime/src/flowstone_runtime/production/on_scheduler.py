"""A flow of a command line on a production scheduler: what is deployed, and whether one may change it."""

import os
from collections.abc import Mapping

import attrs

from flowstone_datastore import Datastore, NotAStoreError
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.plugins import load_plugin
from flowstone_interfaces.production_scheduler import DeployedFlow, ProductionScheduler
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.production.tokens import Tokens, check_token, key_of
from flowstone_runtime.scheduling.run_record import flow_facts

GROUP = "flowstone.deployers"
"""The entry-point group of production schedulers."""


class NotDeployedError(FlowstoneError, LookupError):
    """The flow is not on the scheduler."""

    def __init__(self, name: str, scheduler: str) -> None:
        super().__init__(name, scheduler)
        self.name = name
        self.scheduler = scheduler

    def __str__(self) -> str:
        return f"{self.name} is not deployed; deploy it with: {self.scheduler} create"


@attrs.frozen
class OnScheduler:
    """One name on one scheduler."""

    scheduler: ProductionScheduler
    scheduler_name: str
    name: str
    flow: str
    datastore: Datastore
    tokens: Tokens

    @classmethod
    def of(
        cls,
        context: CommandContext,
        scheduler: str,
        name: str | None,
        given: Mapping[str, str | int | None] | None = None,
        *,
        creates_store: bool = False,
    ) -> "OnScheduler":
        """What a command works with; `given` are the options of the scheduler."""
        settings = context.settings
        try:
            datastore = Datastore.open(settings.store, cache=settings.cache)
        except NotAStoreError:
            if not creates_store:
                raise
            datastore = Datastore.open(settings.store, create=True, cache=settings.cache)
        if name is None:
            graph = declared_graph(context.flow, configs=bound_configs(context.flow))
            facts = flow_facts(graph, settings, context.flow_options, datastore, None)
            current = {key: value for fact in facts for key, value in fact.current.items()}
            name = str(current.get("project_flow_name", graph.name))
        kind: type[ProductionScheduler] = load_plugin(GROUP, scheduler)
        return cls(
            kind(given or {}, datastore.url),
            scheduler,
            name,
            context.flow.__name__,
            datastore,
            Tokens.of_user(os.environ),
        )

    def deployed(self) -> DeployedFlow:
        """What is there.

        Raises:
            NotDeployedError: nothing is.
        """
        found = self.scheduler.deployed(self.name)
        if found is None:
            raise NotDeployedError(self.name, self.scheduler_name)
        return found

    def authorized(self, given: str | None) -> DeployedFlow:
        """What is there, if its token is known or given.

        Raises:
            NotDeployedError: nothing is there.
            NotAuthorizedError: it is somebody else's.
        """
        found = self.deployed()
        self.token_of(found, given)
        return found

    def token_of(self, deployed: DeployedFlow | None, given: str | None) -> str | None:
        """Its token, which is remembered; `None` if nothing is deployed.

        Raises:
            NotAuthorizedError: it is somebody else's.
        """
        token = check_token(deployed, self.flow, self.tokens.known().get(self._key), given)
        if token is not None and token == given:
            self.remember(token)
        return token

    def remember(self, token: str) -> None:
        """Keep the token for the next time."""
        self.tokens.remember(self._key, token)

    @property
    def _key(self) -> str:
        return key_of(self.scheduler_name, self.datastore.url, self.name)
