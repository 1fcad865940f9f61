"""What becomes of a flow on Step Functions, for people."""

from collections.abc import Iterator

from flowstone_deployer.step_functions.retries import is_looped
from flowstone_deployer.step_functions.schedule import expression_of
from flowstone_graph import FlowGraph, Kind, Node
from flowstone_interfaces.production import AwaitedEvent, FlowPlan, StepPlan

_KINDS = {
    Kind.SPLIT: "then a Parallel state",
    Kind.FOREACH: "then a distributed Map over a list in the store",
    Kind.SWITCH: "then a Choice on what it left in the store",
}


def explained(plan: FlowPlan) -> str:
    """A line for each step, in order, then what there is to know of the whole."""
    graph = FlowGraph.from_dict(dict(plan.graph))
    width = max(len(step) for step in graph.order)
    lines = [f"{step:{width}}  {'; '.join(_parts(graph[step], plan.steps[step]))}" for step in graph.order]
    return "\n".join([*lines, *_notes(plan), *differences(plan)])


def differences(plan: FlowPlan) -> tuple[str, ...]:
    """What is not as it is on one machine, or not done at all, a sentence each."""
    graph = FlowGraph.from_dict(dict(plan.graph))
    found = []
    gangs = [node.name for node in graph if node.num_parallel]
    if gangs:
        found.append(
            f"the tasks of num_parallel ({', '.join(gangs)}) start together, but none waits until all have"
        )
    return tuple(found)


def _parts(node: Node, plan: StepPlan) -> Iterator[str]:
    asked = plan.request.resources
    amounts = [
        f"{asked.cpus:g} vCPUs" if asked.cpus is not None else "",
        f"{asked.memory_mib} MiB" if asked.memory_mib is not None else "",
        f"{asked.gpus} GPUs" if asked.gpus else "",
    ]
    of_machine = ", ".join(amount for amount in amounts if amount)
    yield f"a job of Batch ({of_machine})" if of_machine else "a job of Batch"
    if plan.retry is not None and plan.retry.times:
        how = "by states that ask the task" if is_looped(plan.retry) else "by the state itself"
        yield f"tried again up to {plan.retry.times} times, {how}"
    if plan.catches:
        yield "if its job is killed, another one catches that"
    if node.kind in _KINDS:
        yield _KINDS[node.kind]
        if node.name in node.targets:
            yield "which may lead back"


def _notes(plan: FlowPlan) -> Iterator[str]:
    if plan.success_hooks is not None:
        yield "a last job calls the exit hooks"
    if plan.schedule is not None:
        yield f"started by EventBridge: {expression_of(plan.schedule)} {plan.schedule.timezone or 'UTC'}"
    for awaited in plan.awaited:
        if isinstance(awaited, AwaitedEvent):
            yield f"started by EventBridge upon the event {awaited.name!r}"
        else:
            yield f"started by EventBridge when {awaited.name} has succeeded"
