"""What people are told of a flow on Step Functions before it is there."""

import json

import attrs

from flowstone_deployer.step_functions.explain import explained
from flowstone_deployer.step_functions.policies import policies
from flowstone_deployer.step_functions.target import Target
from flowstone_deployer.testing import REQUEST, flow_plan, line_of
from flowstone_graph import FlowGraph, Kind, Node
from flowstone_interfaces import Resources
from flowstone_interfaces.production import AwaitedEvent, AwaitedFlow, RetryPlan, SchedulePlan, StepPlan

NODES = (
    Node("start", Kind.FOREACH, ("train",), num_parallel=True),
    Node("train", Kind.LINEAR, ("join",)),
    Node("join", Kind.JOIN, ("again",)),
    Node("again", Kind.SWITCH, ("again", "end"), condition="way", cases=(("a", "again"), ("b", "end"))),
    Node("end", Kind.LINEAR),
)

TRIED = "tried again up to 3 times, by states that ask the task; if its job is killed, another one catches that"


def test_each_step_has_a_line_and_what_is_different_is_said() -> None:
    """Nobody is to be surprised in production."""
    large = attrs.evolve(REQUEST, resources=Resources(2, 4096, 1))
    plan = flow_plan(
        FlowGraph("Gang", NODES, "start", "end"),
        train=StepPlan(large, RetryPlan(3, 60, is_selective=True), catches=True),
    )
    plan = attrs.evolve(plan, schedule=SchedulePlan("0 8 * * 1"), success_hooks=REQUEST)
    assert explained(plan).splitlines() == [
        "start  a job of Batch; then a distributed Map over a list in the store",
        f"train  a job of Batch (2 vCPUs, 4096 MiB, 1 GPUs); {TRIED}",
        "join   a job of Batch",
        "again  a job of Batch; then a Choice on what it left in the store; which may lead back",
        "end    a job of Batch",
        "a last job calls the exit hooks",
        "started by EventBridge: cron(0 8 ? * MON *) UTC",
        "the tasks of num_parallel (start) start together, but none waits until all have",
    ]


def test_a_flow_that_waits_is_told_for_what() -> None:
    """It starts by itself, and people want to know when."""
    plan = flow_plan(line_of(2))
    for awaited, said in (
        (AwaitedEvent("new-data"), "started by EventBridge upon the event 'new-data'"),
        (AwaitedFlow("Train", "credit.prod.Train"), "started by EventBridge when credit.prod.Train has succeeded"),
    ):
        assert explained(attrs.evolve(plan, awaited=(awaited,))).endswith(said)


def test_roles_are_allowed_what_the_flow_needs() -> None:
    """Of one queue, one kind of job, one store."""
    plan = flow_plan(FlowGraph("Gang", NODES, "start", "end"))
    target = Target("bucket", "store/", "queue", "python:3.11")
    found = policies("Train", plan, target)
    text = json.dumps(found)
    for needed in (
        "arn:aws:batch:*:*:job-queue/queue",
        f"arn:aws:batch:*:*:job-definition/{target.definition_of(REQUEST).name}:*",
        "arn:aws:s3:::bucket/store/runs/*/production/*",
        "arn:aws:states:*:*:stateMachine:Train",
    ):
        assert needed in text
    everything = [each for each in found["role"]["Statement"] if each["Resource"] == ["*"]]
    assert [each["Action"] for each in everything] == [["batch:DescribeJobs", "batch:TerminateJob"]]
