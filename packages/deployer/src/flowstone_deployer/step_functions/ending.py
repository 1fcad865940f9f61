"""The beginning and the end of a machine: the run's name, and what is done when it fails."""

from typing import Any, Final

from flowstone_deployer.step_functions.expressions import formatted, item_at, split
from flowstone_deployer.step_functions.jobs import State, job_state
from flowstone_deployer.step_functions.target import Target
from flowstone_graph import FlowGraph
from flowstone_interfaces.production import ERROR, RUN, FlowPlan

BEGIN: Final = "Begin"
"""Names of states that no step has: steps are written small, with letters, digits and `_`."""
TRIGGERED: Final = "Begin (triggered)"
SCHEDULED: Final = "Begin (scheduled)"
STEPS: Final = "Steps"
RECORD_FAILURE: Final = "Record the failure"
FAIL: Final = "Fail"
CALL_HOOKS: Final = "Call the exit hooks"
DONE: Final = "Done"

_TIME = split("$$.Execution.StartTime", "-T:.Z+")
_FIRST = {"item": "0", "from": {"parent": "", "tries": 0}}


def whole_run(graph: FlowGraph, plan: FlowPlan, target: Target, chain: dict[str, Any]) -> dict[str, Any]:
    """The machine around the states of the steps.

    A run that was triggered brings its id. One that a schedule starts gets one that says when, so that runs sort
    by time, and has the beginning of the execution's name.
    """
    run_id = formatted(
        "{}{}{}-{}{}{}-{}",
        *(item_at(_TIME, place) for place in range(6)),
        item_at(split("$$.Execution.Name", "-_"), 0),
    )
    states: dict[str, State] = {
        BEGIN: {
            "Type": "Choice",
            "Choices": [{"Variable": "$.run", "IsPresent": True, "Next": TRIGGERED}],
            "Default": SCHEDULED,
        },
        TRIGGERED: {"Type": "Pass", "Parameters": {"run.$": "$.run", **_FIRST}, "Next": STEPS},
        SCHEDULED: {"Type": "Pass", "Parameters": {"run.$": run_id, **_FIRST}, "Next": STEPS},
        STEPS: {
            "Type": "Parallel",
            "Branches": [chain],
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": RECORD_FAILURE}],
            "Next": DONE if plan.success_hooks is None else CALL_HOOKS,
        },
        DONE: {"Type": "Succeed"},
        RECORD_FAILURE: {
            **job_state(
                target,
                graph.name,
                "failure",
                plan.ending,
                {f"{RUN}.$": "$.run", f"{ERROR}.$": "$.error.Error"},
            ),
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": FAIL}],
            "Next": FAIL,
        },
        FAIL: {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
    }
    if plan.success_hooks is not None:
        states[CALL_HOOKS] = {
            **job_state(target, graph.name, "hooks", plan.success_hooks, {f"{RUN}.$": "$.run"}),
            "ResultPath": None,
            # What goes wrong in them changes nothing of how the run ended.
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": DONE}],
            "Next": DONE,
        }
    machine: dict[str, Any] = {"Comment": _comment(graph, plan), "StartAt": BEGIN, "States": states}
    if target.timeout_seconds is not None:
        machine["TimeoutSeconds"] = target.timeout_seconds
    return machine


def _comment(graph: FlowGraph, plan: FlowPlan) -> str:
    return f"flowstone: {graph.name}, deployment {plan.deployment}"
