"""What a flow is started upon, as its decorators say it and as a deployment keeps it."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from flowstone_graph import FlowGraph
from flowstone_interfaces.production import AwaitedEvent, AwaitedFlow
from flowstone_runtime.decorators.trigger import Trigger, TriggerEvent, TriggerFlow, TriggerOnFinish
from flowstone_runtime.errors import UsageError

Awaited = AwaitedEvent | AwaitedFlow


def awaited_of(graph: FlowGraph, current: Mapping[str, Any], context: Any) -> tuple[Awaited, ...]:
    """All that has to come, in the order of the decorators; functions are called with the context.

    `current` is what a run of the deployment is told of its project: flows without one are of the same branch.

    Raises:
        UsageError: a function fails, or gives what is no event and no flow.
    """
    found: list[Awaited] = []
    for decorator in graph.decorators:
        if not isinstance(decorator, Trigger | TriggerOnFinish):
            continue
        try:
            settled = decorator.at_deployment(context)
        except Exception as error:
            raise UsageError(
                f"{graph.name}: a function of @{decorator.name} fails: {type(error).__name__}: {error}; correct it"
            ) from error
        for each in settled.awaited:
            if isinstance(each, TriggerEvent):
                found.append(AwaitedEvent(each.name, dict(each.parameters)))
            elif isinstance(each, TriggerFlow):
                found.append(AwaitedFlow(each.flow, production_name_of(each, current)))
    return tuple(found)


def production_name_of(flow: TriggerFlow, current: Mapping[str, Any]) -> str:
    """What the awaited flow is called on the scheduler.

    >>> production_name_of(TriggerFlow("Train"), {"project_name": "credit", "branch_name": "prod"})
    'credit.prod.Train'
    >>> production_name_of(TriggerFlow("Train"), {})
    'Train'
    """
    project, branch = flow.project or current.get("project_name"), flow.branch or current.get("branch_name")
    return f"{project}.{branch}.{flow.flow}" if project and branch else flow.flow


def awaited_to_json(awaited: Iterable[Awaited]) -> list[dict[str, Any]]:
    """What a deployment keeps of it."""
    return [attrs.asdict(each) for each in awaited]


def awaited_from_json(raw: Iterable[Mapping[str, Any]]) -> tuple[Awaited, ...]:
    """Read it again."""
    return tuple(AwaitedFlow(**each) if "flow" in each else AwaitedEvent(**each) for each in raw)
