"""A flow as it is deployed: the first record of its runs, and the plan for a production scheduler."""

import sys
from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, Deployments, LockedEnvironment, RunStarted
from flowstone_graph import FlowGraph
from flowstone_interfaces.production import FlowPlan
from flowstone_runtime.configs.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.schedule import Schedule
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.context import ParameterContext, store_kind
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.production.awaited import Awaited, awaited_of
from flowstone_runtime.production.beginning import DEPLOYMENT, LAUNCH, PLAN
from flowstone_runtime.production.plan import plan_of, plan_to_json
from flowstone_runtime.remote.far_steps import check_reachable
from flowstone_runtime.scheduling.run_launch import run_launch
from flowstone_runtime.scheduling.run_options import RunOptions
from flowstone_runtime.scheduling.run_record import run_environments, run_record


@attrs.frozen
class DeployOptions:
    """What may differ from deployment to deployment of one flow."""

    scheduler: str
    """The name of the production scheduler: `step-functions`."""
    name: str | None = None
    """What the flow is called there; `None` for its own name, with `@project` that and the branch."""
    tags: tuple[str, ...] = ()
    namespace: str | None = None
    """In which tasks look at other runs: a tag, empty for all runs; `None` for that of the deployment."""
    added: tuple[str, ...] = ()
    """Decorators for every step that has none of the same name."""
    flow_options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the flow's decorators, such as `branch` and `production`."""
    environment: str = "declared"
    """As in `RunOptions`."""


def deploy(flow: type[FlowSpec], options: DeployOptions, settings: Settings, datastore: Datastore) -> FlowPlan:
    """Keep the flow in the store as it is now; the plan for the scheduler, and what its runs start from.

    Nothing is told to the scheduler. The same flow, deployed again, is the same deployment.

    Raises:
        InvalidFlowError: the flow's graph is at fault.
        UsageError: something of the flow cannot be deployed.
        StoreNotReachableError: jobs could not open the store.
        StorageError: the store cannot be used.
    """
    graph = declared_graph(flow, options.added, bound_configs(flow))
    check_reachable(dict.fromkeys([graph.start], options.scheduler), datastore)
    _check_schedule(flow, graph)
    run = _run_options(options)
    locked, _ = run_environments(graph, run, settings, datastore, None)
    record = _draft(flow, graph, run, options.scheduler, settings, datastore, locked)
    name = options.name or production_name(graph.name, record)
    told = {"name": name, "scheduler": options.scheduler}
    plan = plan_to_json(graph, awaited_at_deployment(flow, graph, record.settings["current"], settings))
    record = attrs.evolve(record, settings={**record.settings, DEPLOYMENT: told, PLAN: plan})
    return plan_of(record, Deployments(datastore.storage).write(record), datastore.url)


def awaited_at_deployment(
    flow: type[FlowSpec], graph: FlowGraph, current: Mapping[str, Any], settings: Settings
) -> tuple[Awaited, ...]:
    """What the flow is started upon; functions are called now.

    Raises:
        UsageError: one fails, or gives what is no event and no flow.
    """
    context = ParameterContext(
        graph.name, settings.user, "trigger", bound_configs(flow), _say, store_kind(settings.store)
    )
    return awaited_of(graph, current, context)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def production_name(flow: str, record: RunStarted) -> str:
    """What a scheduler calls the flow: with `@project` its branch's own, so that branches stand side by side."""
    current = record.settings.get("current", {})
    return str(current.get("project_flow_name", flow)) if isinstance(current, dict) else flow


def _run_options(options: DeployOptions) -> RunOptions:
    return RunOptions(
        parameters={},
        tags=options.tags,
        namespace=options.namespace,
        added=options.added,
        flow_options=options.flow_options,
        environment=options.environment,
    )


def _draft(
    flow: type[FlowSpec],
    graph: FlowGraph,
    run: RunOptions,
    scheduler: str,
    settings: Settings,
    datastore: Datastore,
    locked: tuple[LockedEnvironment, ...],
) -> RunStarted:
    local = run_record(flow, graph, run, settings, datastore, None, skips_required=True)
    local = attrs.evolve(local, environments=locked)
    launch = run_launch(graph, local, settings, datastore)
    tags = [tag for tag in local.system_tags if not tag.startswith("runtime:")]
    own = {"with", "namespace", "environment", "current"}
    return attrs.evolve(
        local,
        graph=_without_places(local.graph, "" if local.code is None else local.code.flow_file),
        system_tags=(*tags, f"runtime:{scheduler}"),
        process=None,
        heartbeat_seconds=None,
        settings={
            **{name: value for name, value in local.settings.items() if name in own},
            LAUNCH: launch.sha256,
        },
    )


def _without_places(graph: Mapping[str, Any], flow_file: str) -> dict[str, Any]:
    """The graph with paths as the code has them: where a checkout lies makes no other deployment."""
    nodes = [{**node, **({"file": flow_file} if "file" in node else {})} for node in graph["nodes"]]
    return {**graph, "file": flow_file, "nodes": nodes}


def _check_schedule(flow: type[FlowSpec], graph: FlowGraph) -> None:
    if not any(isinstance(each, Schedule) for each in graph.decorators):
        return
    required = [parameter.name for parameter in parameters_of(flow) if parameter.required]
    if required:
        raise UsageError(
            f"{flow.__name__}: a schedule starts it, and gives no value for the parameter {required[0]!r}, which "
            "is required; give it a default, or remove @schedule"
        )
