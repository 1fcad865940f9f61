"""What is too large is refused before AWS is asked."""

import pytest

from flowstone_deployer.step_functions.compile import compile_machine
from flowstone_deployer.step_functions.limits import LimitExceededError, check_input, check_machine, events_at_most
from flowstone_deployer.step_functions.target import StoreNotReachableError, Target
from flowstone_deployer.testing import flow_plan, line_of
from flowstone_interfaces import TaskRequest
from flowstone_interfaces.production import StepPlan

TARGET = Target("bucket", "store/", "queue", "python:3.11")


def test_a_definition_that_is_too_large_is_refused() -> None:
    """The error names the limit."""
    large = StepPlan(TaskRequest("", ("run",), b"", {"LARGE": "x" * 600_000}))
    with pytest.raises(LimitExceededError, match="its definition in bytes would be 1,2"):
        compile_machine(flow_plan(line_of(2), start=large, end=large), TARGET)


def test_a_flow_with_too_many_events_is_refused() -> None:
    """Its execution would end in the middle."""
    machine = compile_machine(flow_plan(line_of(3)), TARGET)
    task = machine["States"]["Steps"]["Branches"][0]["States"]["start"]
    with pytest.raises(LimitExceededError, match="events in the history of an execution would be 30,002"):
        check_machine("Long", {"States": {str(number): {"Type": task["Type"]} for number in range(5000)}})


def test_events_are_counted() -> None:
    """Each task makes six."""
    chain = compile_machine(flow_plan(line_of(3)), TARGET)["States"]["Steps"]["Branches"][0]
    assert events_at_most(chain) == 2 + 3 * 6


def test_an_input_that_is_too_large_is_refused() -> None:
    """256 KiB."""
    check_input("a run", "x" * 256 * 1024)
    with pytest.raises(LimitExceededError, match="the size of its input in bytes"):
        check_input("a run", "x" * (256 * 1024 + 1))


def test_a_store_on_this_machine_is_refused() -> None:
    """Jobs could not open it."""
    with pytest.raises(StoreNotReachableError, match="--store s3://"):
        Target.of_store("/home/ada/.flowstone", "queue", "python:3.11")
    target = Target.of_store("s3://bucket/some/prefix?region=eu-west-1", "queue", "python:3.11")
    assert (target.bucket, target.prefix) == ("bucket", "some/prefix/")
