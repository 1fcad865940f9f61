"""How a production run begins: its deployment, and what started it."""

import time
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, RunStarted
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.production.given_parameters import given_artifacts, parameters_of_input
from flowstone_runtime.production.started_upon import event_parameters, started_upon

DEPLOYMENT = "deployment"
"""In the settings of a run: `{"version", "name", "scheduler"}` of what it is a run of."""


LAUNCH = "launch"
"""In the settings of a deployment: the SHA-256 of the launch document of its jobs."""
PLAN = "plan"
"""In the settings of a deployment: what the scheduler was told. Its runs do not repeat it."""


def started_record(deployment: RunStarted, version: str, run_id: str) -> RunStarted:
    """The first record of a run that begins now and is given nothing."""
    settings = {name: value for name, value in deployment.settings.items() if name != PLAN}
    told = {**_told(deployment), "version": version}
    return attrs.evolve(deployment, time=time.time(), run_id=run_id, settings={**settings, DEPLOYMENT: told})


def first_record(
    deployment: RunStarted,
    version: str,
    run_id: str,
    flow: type[FlowSpec],
    datastore: Datastore,
    settings: Settings,
    text: str,
) -> tuple[RunStarted, FlowstoneError | None]:
    """The run's first record, and what is wrong with what it was given: then it has its defaults, and fails.

    `text` is the input of the execution. Defaults are the deployment's: what a function computed, it computed when
    the flow was deployed.
    """
    record = started_record(deployment, version, run_id)
    try:
        if upon := started_upon(text):
            current = {**record.settings.get("current", {}), "trigger": upon}
            record = attrs.evolve(record, settings={**record.settings, "current": current})
        named = {**event_parameters(text), **parameters_of_input(text)}
        given = given_artifacts(flow, named, settings, datastore.artifacts)
        parameters = {**deployment.parameters, **given}
        missing = [each.name for each in parameters_of(flow) if each.attribute not in parameters]
        if missing:
            raise UsageError(f"{flow.__name__}: the parameter {missing[0]!r} is required; trigger it with a value")
    except FlowstoneError as error:
        return record, error
    return attrs.evolve(record, parameters=parameters), None


def _told(deployment: RunStarted) -> dict[str, Any]:
    told = deployment.settings.get(DEPLOYMENT, {})
    return dict(told) if isinstance(told, dict) else {}
