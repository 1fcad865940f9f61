"""What ends a run that its machine cannot end."""

import json

import attrs

from flowstone_deployer.step_functions.ending_rule import pattern, rule_target
from flowstone_deployer.step_functions.target import Target
from flowstone_deployer.testing import REQUEST, flow_plan, line_of
from flowstone_interfaces.production import CANCELLED, ERROR, EXECUTION, STARTED

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Line"


def test_the_job_is_told_which_execution_ended_and_how() -> None:
    """It finds the run by that; the queue is one of the machine's region."""
    target = Target("bucket", "store/", "queue", "python:3.11")
    plan = attrs.evolve(flow_plan(line_of(2)), ending=attrs.evolve(REQUEST, environ={"MODE": "fast"}))
    found = rule_target(plan, target, MACHINE, "arn:role")
    assert found["Arn"] == "arn:aws:batch:eu-west-1:123456789012:job-queue/queue"
    assert found["BatchParameters"]["JobDefinition"] == target.definition_of(REQUEST).name
    overrides = json.loads(found["InputTransformer"]["InputTemplate"])["ContainerOverrides"]
    told = {variable["Name"]: variable["Value"] for variable in overrides["Environment"]}
    assert (
        told.items()
        >= {EXECUTION: "<name>", STARTED: "<started>", ERROR: "<status>", CANCELLED: "ABORTED"}.items()
    )
    assert found["InputTransformer"]["InputPathsMap"].keys() == {"name", "started", "status"}
    own = rule_target(plan, attrs.evolve(target, queue="arn:aws:batch:x:1:job-queue/own"), MACHINE, "arn:role")
    assert own["Arn"] == "arn:aws:batch:x:1:job-queue/own"


def test_the_rule_waits_for_the_machine_alone() -> None:
    """Items of a map are executions of another one."""
    assert pattern(MACHINE)["detail"]["stateMachineArn"] == [MACHINE]
