"""The plan for a production scheduler, as a deployment keeps it: what it was can be handed over again."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from flowstone_datastore import RunStarted
from flowstone_graph import FlowGraph, Node
from flowstone_interfaces import Resources, TaskRequest
from flowstone_interfaces.production import FlowPlan, RetryPlan, SchedulePlan, StepPlan
from flowstone_runtime.decorators.catch import Catch
from flowstone_runtime.decorators.exit_hook import hooks_of
from flowstone_runtime.decorators.schedule import Schedule
from flowstone_runtime.production.awaited import Awaited, awaited_from_json, awaited_to_json
from flowstone_runtime.production.beginning import DEPLOYMENT, LAUNCH, PLAN
from flowstone_runtime.production.job_command import ending_job, hooks_job, task_job
from flowstone_runtime.remote.launch import LaunchRef
from flowstone_runtime.scheduling.next_attempt import retry_of
from flowstone_runtime.scheduling.step_request import step_request
from flowstone_runtime.tasks.thread_share import thread_variables


def plan_to_json(graph: FlowGraph, awaited: Iterable[Awaited] = ()) -> dict[str, Any]:
    """What the decorators of a flow and of its steps ask of a scheduler."""
    schedule = _schedule(graph)
    return {
        "steps": {node.name: _step_to_json(node) for node in graph},
        "schedule": None if schedule is None else attrs.asdict(schedule),
        "has_success_hooks": bool(hooks_of(graph.decorators, "finished")),
        "awaited": awaited_to_json(awaited),
    }


def plan_of(record: RunStarted, version: str, store: str) -> FlowPlan:
    """The plan of a deployment: of its first record, its version, and the URL of the store that has it."""
    plan: Mapping[str, Any] = record.settings[PLAN]
    about = (LaunchRef(store, record.settings[LAUNCH]), record.flow, version)
    return FlowPlan(
        name=record.settings[DEPLOYMENT]["name"],
        deployment=version,
        graph=record.graph,
        store=store,
        steps={name: _step_of(raw, *about) for name, raw in plan["steps"].items()},
        ending=ending_job(*about),
        schedule=SchedulePlan(**plan["schedule"]) if plan["schedule"] else None,
        success_hooks=hooks_job(*about) if plan["has_success_hooks"] else None,
        awaited=awaited_from_json(plan.get("awaited", ())),
    )


def planned(graph: FlowGraph, name: str, store: str, awaited: Iterable[Awaited] = ()) -> FlowPlan:
    """The plan of a flow that is not deployed: to look at."""
    version = "0" * 64
    told = {DEPLOYMENT: {"name": name}, LAUNCH: version, PLAN: plan_to_json(graph, awaited)}
    record = RunStarted(time=0.0, flow=graph.name, run_id="unnamed", graph=graph.to_dict(), settings=told)
    return plan_of(record, version, store)


def _schedule(graph: FlowGraph) -> SchedulePlan | None:
    declared = next((each for each in graph.decorators if isinstance(each, Schedule)), None)
    if declared is None or declared.expression is None:
        return None
    return SchedulePlan(declared.expression, declared.timezone)


def _step_to_json(node: Node) -> dict[str, Any]:
    request, retry = step_request(node, ()), retry_of(node)
    plan = None
    if retry is not None:
        seconds = 60.0 * retry.minutes_between_retries
        plan = attrs.asdict(RetryPlan(retry.times, seconds, retry.backoff, is_selective=retry.only is not None))
    # A job sees all cores of its host, and would start a thread for each.
    threads = thread_variables(max(1, round(request.resources.cpus or 1)), request.environ)
    return {
        "environ": {**threads, **request.environ},
        "resources": attrs.asdict(request.resources),
        "timeout_seconds": request.timeout_seconds,
        "image": request.image,
        "options": dict(request.options),
        "retry": plan,
        "catches": any(isinstance(decorator, Catch) for decorator in node.decorators),
    }


def _step_of(raw: Mapping[str, Any], launch: LaunchRef, flow: str, version: str) -> StepPlan:
    request = TaskRequest(
        "",
        (),
        b"",
        raw["environ"],
        Resources(**raw["resources"]),
        raw["timeout_seconds"],
        image=raw["image"],
        options=raw["options"],
    )
    retry = RetryPlan(**raw["retry"]) if raw["retry"] else None
    return StepPlan(task_job(request, launch, flow, version), retry, raw["catches"])
