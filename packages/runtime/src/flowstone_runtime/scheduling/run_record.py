"""What is known of a run before its first task: code, parameters, environment, and what its decorators say."""

import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstone_client.settings import Settings
from flowstone_datastore import (
    Artifact,
    Datastore,
    LockedEnvironment,
    RunStarted,
    RunSummary,
    UnpicklableError,
    current_process,
)
from flowstone_graph import FlowGraph
from flowstone_runtime.code.package import snapshot_code
from flowstone_runtime.command_line.flow_options import check_flow_options
from flowstone_runtime.decorators.declared_environments import declares_environments, lock_files
from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowStart
from flowstone_runtime.environments import StepEnvironment, snapshot_environment
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec, constants_of
from flowstone_runtime.parameters.defaults import default_values
from flowstone_runtime.parameters.included_content import save_value
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.scheduling.run_options import Isolation, RunOptions
from flowstone_runtime.version import __version__

HEARTBEAT_SECONDS = 10.0
"""So often a run tells that it goes on."""


def run_record(
    flow: type[FlowSpec],
    graph: FlowGraph,
    options: RunOptions,
    settings: Settings,
    datastore: Datastore,
    origin: RunSummary | None,
    *,
    skips_required: bool = False,
) -> RunStarted:
    """All that is known of the run but its name.

    With `skips_required`, parameters that must be given and are not are left out.
    """
    flow_file = Path(graph.file).resolve()
    locks = [f"/{_in_project(flow_file.parent / name, settings)}" for name in lock_files(graph)]
    package = (*settings.package, *locks)
    code = snapshot_code(datastore, flow_file, settings.project_root, sys.modules, package)
    asked = parameters_of(flow)
    given = {p.attribute: options.parameters[p.attribute] for p in asked if p.attribute in options.parameters}
    inherited = {} if origin is None else origin.started.parameters
    kept = {p.attribute: inherited[p.attribute] for p in asked if p.attribute in inherited.keys() - given.keys()}
    missing = [p for p in asked if p.attribute not in given and p.attribute not in kept]
    values = {**given, **default_values(flow, missing, settings, skips_required=skips_required)}
    facts = flow_facts(graph, settings, options.flow_options, datastore, origin)
    is_beating = options.isolation is not Isolation.NONE  # a step in this very thread leaves no time for it
    return RunStarted(
        time=time.time(),
        flow=graph.name,
        run_id="unnamed",
        user=settings.user,
        parameters={**kept, **_save_all(datastore, graph.name, values)},
        constants=_save_all(datastore, graph.name, constants_of(flow)),
        graph=graph.to_dict(),
        code=code,
        environment=snapshot_environment(datastore, settings.installed_folder, settings.project_root, sys.path),
        tags=options.tags,
        system_tags=(
            f"user:{settings.user}",
            "runtime:local",
            f"python_version:{platform.python_version()}",
            f"flowstone_version:{__version__}",
            *(tag for fact in facts for tag in fact.system_tags),
        ),
        origin_run=None if origin is None else origin.started.run_id,
        process=current_process(),
        heartbeat_seconds=HEARTBEAT_SECONDS if is_beating else None,
        versions={"python": platform.python_version(), "flowstone": __version__},
        settings={
            "isolation": options.isolation.value,
            "max_workers": options.workers,
            "with": list(options.added),
            **({} if options.namespace is None else {"namespace": options.namespace}),
            **({"environment": "none"} if options.environment == "none" else {}),
            "current": {name: value for fact in facts for name, value in fact.current.items()},
        },
    )


def run_environments(
    graph: FlowGraph, options: RunOptions, settings: Settings, datastore: Datastore, origin: RunSummary | None
) -> tuple[tuple[LockedEnvironment, ...], dict[str, StepEnvironment]]:
    """What steps declared, locked and built here."""
    if options.environment == "none" or not declares_environments(graph):
        return (), {}
    from flowstone_runtime.environments.run_environments import prepare_environments

    known = () if origin is None else origin.started.environments
    return prepare_environments(graph, settings, datastore, known, os.environ)


def flow_facts(
    graph: FlowGraph,
    settings: Settings,
    flow_options: Mapping[str, Any],
    datastore: Datastore,
    origin: RunSummary | None,
) -> list[FlowFacts]:
    """What the run has of the flow's decorators."""
    before = {} if origin is None else origin.started.settings.get("current", {})
    start = FlowStart(graph.name, settings.user, flow_options, datastore, before)
    decorators = [each for each in graph.decorators if isinstance(each, FlowDecorator)]
    check_flow_options(decorators, flow_options)
    return [each.facts(start) for each in decorators]


def _in_project(file: Path, settings: Settings) -> str:
    return os.path.relpath(file, settings.project_root)


def _save_all(datastore: Datastore, flow: str, values: Mapping[str, Any]) -> dict[str, Artifact]:
    saved = {}
    for name, value in values.items():
        try:
            saved[name] = save_value(datastore.artifacts, value)
        except UnpicklableError as error:
            raise UsageError(
                f"{flow}.{name} of type {error.type_name} cannot be stored: {error.detail}; "
                "make it in the step that needs it, or begin the attribute's name with '_', which makes it no data"
            ) from error
    return saved
