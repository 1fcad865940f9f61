"""The job definitions that a flow needs: one for most, more if steps name images or roles of their own."""

from flowstone_deployer.step_functions.job_definition import JobDefinition
from flowstone_deployer.step_functions.target import Target
from flowstone_interfaces.production import FlowPlan


def definitions(plan: FlowPlan, target: Target) -> tuple[JobDefinition, ...]:
    """Each once."""
    requests = [step.request for step in plan.steps.values()]
    requests += [plan.ending] if plan.success_hooks is None else [plan.ending, plan.success_hooks]
    return tuple(dict.fromkeys(map(target.definition_of, requests)))


def queues(plan: FlowPlan, target: Target) -> tuple[str, ...]:
    """The names or ARNs of all queues that its jobs go to."""
    named = [step.request.options.get("queue") for step in plan.steps.values()]
    return tuple(dict.fromkeys([target.queue, *(str(queue) for queue in named if queue)]))
