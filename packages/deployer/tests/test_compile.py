"""Machines are sound for every graph, and say what the graph says."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given, settings

from flowstone_deployer.step_functions.compile import compile_machine, to_bytes
from flowstone_deployer.step_functions.definitions import definitions, queues
from flowstone_deployer.step_functions.names import LONGEST_NAME, state_name
from flowstone_deployer.step_functions.target import Target
from flowstone_deployer.testing import REQUEST, flow_plan, line_of
from flowstone_graph import FlowGraph, Kind
from flowstone_graph.testing import graphs
from flowstone_interfaces import Resources, TaskRequest
from flowstone_interfaces.production import RetryPlan, StepPlan

TARGET = Target("bucket", "store/", "queue", "python:3.11")


def chains(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The machine and all that is inside of it."""
    yield machine
    for state in machine["States"].values():
        for inner in (*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())):
            yield from chains(inner)


def steps_of(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    """The states of the steps that no split is around."""
    states: Mapping[str, Any] = machine["States"]["Steps"]["Branches"][0]["States"]
    return states


def targets(state: Mapping[str, Any]) -> list[str]:
    ways = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return [way[key] for way in ways for key in ("Next", "Default") if key in way]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_way_leads_to_a_state_and_every_step_is_there_once(graph: FlowGraph) -> None:
    """AWS refuses anything else, but only when the flow is deployed."""
    retried = StepPlan(REQUEST, RetryPlan(2, 1, is_selective=True), catches=True)
    plans = {node.name: retried for node in graph if not node.num_parallel}
    machine = compile_machine(flow_plan(graph, **plans), TARGET)
    names: list[str] = []
    for chain in chains(machine):
        assert chain["StartAt"] in chain["States"]
        names += chain["States"]
        reached = {chain["StartAt"]}
        for state in chain["States"].values():
            reached.update(targets(state))
            if state["Type"] not in {"Choice", "Fail", "Succeed"}:
                assert ("Next" in state) != state.get("End", False)
        assert reached == chain["States"].keys()
    assert len(names) == len(set(names))
    assert {node.name for node in graph} <= set(names)
    assert compile_machine(flow_plan(graph, **plans), TARGET) == machine


def test_equal_plans_give_equal_bytes() -> None:
    """What is compiled can be compared."""
    assert to_bytes(compile_machine(flow_plan(line_of(2)), TARGET)) == to_bytes(
        compile_machine(flow_plan(line_of(2)), TARGET)
    )


def test_a_task_says_what_its_job_needs() -> None:
    """Program, environment, resources and limit are the step's own."""
    request = TaskRequest("", ("run",), b"", {"MODE": "fast"}, Resources(2, 4096, 1), timeout_seconds=5)
    steps = steps_of(compile_machine(flow_plan(line_of(2), start=StepPlan(request)), TARGET))
    parameters = steps["start"]["Parameters"]
    assert (parameters["JobQueue"], parameters["JobDefinition"]) == ("queue", TARGET.definition_of(request).name)
    assert parameters["Timeout"] == {"AttemptDurationSeconds": 60}
    overrides = parameters["ContainerOverrides"]
    assert "Command" not in overrides  # it is in the definition: submitting a job has little room
    assert {"Name": "MODE", "Value": "fast"} in overrides["Environment"]
    assert overrides["ResourceRequirements"] == [
        {"Type": "VCPU", "Value": "2"},
        {"Type": "MEMORY", "Value": "4096"},
        {"Type": "GPU", "Value": "1"},
    ]


def test_retries_are_the_states_own_where_that_says_all() -> None:
    """The console shows them; and only where the task is to decide are there states for it."""
    plain = StepPlan(REQUEST, RetryPlan(3, 120, 2.0))
    steps = steps_of(compile_machine(flow_plan(line_of(2), start=plain), TARGET))
    assert steps["start"]["Retry"][-1] == {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": 120,
        "BackoffRate": 2.0,
        "MaxAttempts": 3,
    }
    assert steps.keys() == {"start", "end"}
    chosen = StepPlan(REQUEST, RetryPlan(3, 120, 2.0, is_selective=True))
    steps = steps_of(compile_machine(flow_plan(line_of(2), start=chosen), TARGET))
    assert "States.Array(120, 240, 480)" in json.dumps(steps["start (again)"])
    assert steps["start (failed)"]["Default"] == "start (given up)"


def test_the_ends_of_chains_leave_nothing() -> None:
    """The outputs of 40,000 items have to fit into 256 KiB."""

    @settings(max_examples=30, deadline=None)
    @given(graphs(with_switch=False))
    def check(graph: FlowGraph) -> None:
        machine = compile_machine(flow_plan(graph), TARGET)
        for chain in list(chains(machine))[1:]:
            ends = [state for state in chain["States"].values() if state.get("End")]
            assert ends
            assert all(state["OutputPath"] is None for state in ends)
        maps = [s for chain in chains(machine) for s in chain["States"].values() if s["Type"] == "Map"]
        assert len(maps) == sum(node.kind is Kind.FOREACH for node in graph)
        for each in maps:  # and of more, they need not
            assert each["ResultWriter"]["Parameters"]["Prefix.$"].startswith("States.Format('store/runs/")

    check()


def test_names_of_states_are_short_enough_and_different() -> None:
    """Steps may be called longer than states."""
    one, other = "a" * 100, "a" * 99 + "b"
    names = {state_name(step, role) for step in (one, other) for role in ("", "items")}
    assert len(names) == 4
    assert max(map(len, names)) <= LONGEST_NAME


def test_steps_have_images_roles_and_queues_of_their_own() -> None:
    """As `@batch` names them; each kind of job has a definition."""
    own = TaskRequest("", REQUEST.argv, b"", image="gpu:1", options={"queue": "gpus", "iam_role": "arn:role"})
    plan = flow_plan(line_of(3), step0=StepPlan(own))
    parameters = steps_of(compile_machine(plan, TARGET))["step0"]["Parameters"]
    assert parameters["JobQueue"] == "gpus"
    kinds = {kind.name: kind for kind in definitions(plan, TARGET)}
    assert len(kinds) == 2
    kind = kinds[parameters["JobDefinition"]]
    assert (kind.image, kind.role, kind.command) == ("gpu:1", "arn:role", REQUEST.argv)
    assert queues(plan, TARGET) == ("queue", "gpus")
