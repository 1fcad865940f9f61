"""A flow as it is deployed: the first record of its runs, and the plan for a production scheduler."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, Deployments, RunStarted
from flowstone_graph import FlowGraph, Node
from flowstone_interfaces.production import FlowPlan, RetryPlan, SchedulePlan, StepPlan
from flowstone_runtime.code_places import CodePlaces
from flowstone_runtime.config import bound_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.catch import Catch
from flowstone_runtime.decorators.declared_environments import declares_environments
from flowstone_runtime.decorators.schedule import Schedule
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.local_run import RunOptions, run_record, started_program
from flowstone_runtime.next_attempt import retry_of
from flowstone_runtime.parameters import parameters_of
from flowstone_runtime.production.beginning import DEPLOYMENT
from flowstone_runtime.production.fetched_code import MAIN_FILE, MAIN_MODULE
from flowstone_runtime.production.job_command import ending_job, task_job
from flowstone_runtime.step_request import step_request


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


def deploy(
    flow: type[FlowSpec], options: DeployOptions, settings: Settings, datastore: Datastore
) -> tuple[FlowPlan, RunStarted]:
    """Keep the flow in the store as it is now; the plan for the scheduler, and what its runs start from.

    Nothing is told to the scheduler. The same flow, deployed again, is the same deployment.

    Raises:
        InvalidFlowError: the flow's graph is at fault.
        UsageError: something of the flow cannot be deployed.
        StorageError: the store cannot be used.
    """
    graph = declared_graph(flow, options.added, bound_configs(flow))
    if declares_environments(graph) and options.environment != "none":
        raise UsageError(
            f"{flow.__name__} declares environments, which jobs do not build; write --environment none before the "
            "command, and deploy with an image that has the packages"
        )
    schedule = _schedule(flow, graph)
    record = _draft(flow, graph, options, settings, datastore)
    name = options.name or production_name(graph.name, record)
    told = {"name": name, "scheduler": options.scheduler}
    record = attrs.evolve(record, settings={**record.settings, DEPLOYMENT: told})
    version = Deployments(datastore.storage).write(record)
    steps = {node.name: _step_plan(node, datastore.url, graph.name, version) for node in graph}
    ending = ending_job(datastore.url, graph.name, version)
    return FlowPlan(name, version, graph.to_dict(), datastore.url, steps, ending, schedule), record


def production_name(flow: str, record: RunStarted) -> str:
    """What a scheduler calls the flow: with `@project` its branch's own, so that branches stand side by side."""
    current = record.settings.get("current", {})
    return str(current.get("project_flow_name", flow)) if isinstance(current, dict) else flow


def _draft(
    flow: type[FlowSpec], graph: FlowGraph, options: DeployOptions, settings: Settings, datastore: Datastore
) -> RunStarted:
    run = RunOptions(
        parameters={},
        tags=options.tags,
        namespace=options.namespace,
        added=options.added,
        flow_options=options.flow_options,
        environment=options.environment,
    )
    local = run_record(flow, graph, run, settings, datastore, None, skips_required=True)
    tags = [tag for tag in local.system_tags if not tag.startswith("runtime:")]
    main, module = started_program(graph)
    own = {"with", "namespace", "environment", "current"}
    return attrs.evolve(
        local,
        graph=_without_places(local.graph, "" if local.code is None else local.code.flow_file),
        system_tags=(*tags, f"runtime:{options.scheduler}"),
        process=None,
        heartbeat_seconds=None,
        settings={
            **{name: value for name, value in local.settings.items() if name in own},
            MAIN_FILE: _path_in_code(main, graph, settings),
            **({} if module is None else {MAIN_MODULE: module}),
        },
    )


def _without_places(graph: Mapping[str, Any], flow_file: str) -> dict[str, Any]:
    """The graph with paths as the code has them: where a checkout lies makes no other deployment."""
    nodes = [{**node, **({"file": flow_file} if "file" in node else {})} for node in graph["nodes"]]
    return {**graph, "file": flow_file, "nodes": nodes}


def _path_in_code(main: Path, graph: FlowGraph, settings: Settings) -> str:
    """The path in the code of the file that was started."""
    flow_file = Path(graph.file).resolve()
    return CodePlaces.of(flow_file.parent, settings.project_root).path_of(main.resolve())


def _schedule(flow: type[FlowSpec], graph: FlowGraph) -> SchedulePlan | None:
    declared = next((each for each in graph.decorators if isinstance(each, Schedule)), None)
    if declared is None or declared.expression is None:
        return None
    required = [parameter.name for parameter in parameters_of(flow) if parameter.required]
    if required:
        raise UsageError(
            f"{flow.__name__}: a schedule starts it, and gives no value for the parameter {required[0]!r}, which "
            "is required; give it a default, or remove @schedule"
        )
    return SchedulePlan(declared.expression, declared.timezone)


def _step_plan(node: Node, store: str, flow: str, version: str) -> StepPlan:
    retry = retry_of(node)
    plan = None
    if retry is not None:
        seconds = 60.0 * retry.minutes_between_retries
        plan = RetryPlan(retry.times, seconds, retry.backoff, is_selective=retry.only is not None)
    return StepPlan(
        task_job(step_request(node, ()), store, flow, version),
        plan,
        catches=any(isinstance(decorator, Catch) for decorator in node.decorators),
    )
