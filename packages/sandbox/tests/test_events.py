"""Rules do what they say: executions are told of, and events start executions and jobs."""

import json
import time

import pytest

from flowstone_sandbox.events.inputs import told

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Only", "States": {"Only": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture(scope="module")
def states(sandbox):
    return sandbox.boto3("stepfunctions")


@pytest.fixture(scope="module")
def events(sandbox):
    return sandbox.boto3("events")


@pytest.fixture(scope="module")
def machine(sandbox, states):
    """Makes a state machine; its ARN."""
    role = sandbox.boto3("iam").get_role(RoleName="sandbox-jobs")["Role"]["Arn"]

    def make(definition):
        name = f"machine-{time.monotonic_ns()}"
        made = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        return made["stateMachineArn"]

    return make


@pytest.fixture
def rule(events):
    """Makes a rule with one target."""
    made = []

    def make(pattern, **target):
        name = f"rule-{time.monotonic_ns()}"
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "only", **target}])
        made.append(name)
        return name

    yield make
    for name in made:
        events.remove_targets(Rule=name, Ids=["only"])
        events.delete_rule(Name=name)


def until(look, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def inputs_of(states, arn):
    """What each execution of a machine was given."""
    listed = states.list_executions(stateMachineArn=arn)["executions"]
    return [json.loads(states.describe_execution(executionArn=each["executionArn"])["input"]) for each in listed]


def test_an_event_starts_an_execution_if_its_pattern_matches(events, states, machine, rule):
    """Names, prefixes, what is there and what is not."""
    started = machine(PASS)
    pattern = {
        "source": ["shop"],
        "detail": {
            "kind": [{"prefix": "bo"}],
            "state": [{"anything-but": ["draft"]}],
            "price": [{"exists": True}],
            "void": [{"exists": False}],
        },
    }
    paths = {"price": "$.detail.price", "kind": "$.detail.kind"}
    template = '{"cost": <price>, "what": "a <kind>"}'
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    rule(pattern, Arn=started, RoleArn="arn:aws:iam::123456789012:role/sandbox-jobs", InputTransformer=transformer)
    good = {"kind": "book", "state": "sold", "price": 3}
    others = [{**good, "kind": "pen"}, {**good, "state": "draft"}, {**good, "void": 1}, {"kind": "book"}]
    for detail in [*others, good]:
        entry = {"Source": "shop", "DetailType": "sale", "Detail": json.dumps(detail)}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    until(lambda: states.list_executions(stateMachineArn=started)["executions"])
    assert inputs_of(states, started) == [{"cost": 3, "what": "a book"}]


def test_a_stopped_execution_starts_a_job(batch, states, machine, rule):
    """Of its own machine only; the job is told which one it was, and items of the event are its variables."""
    watched, other = machine(WAIT), machine(WAIT)
    overrides = {"Environment": [{"Name": "TOLD", "Value": "<name> <status> <started>"}]}
    rule(
        {"source": ["aws.states"], "detail": {"stateMachineArn": [watched], "status": ["ABORTED", "TIMED_OUT"]}},
        Arn=batch.batch.describe_job_queues(jobQueues=["sandbox"])["jobQueues"][0]["jobQueueArn"],
        RoleArn="arn:aws:iam::123456789012:role/sandbox-jobs",
        BatchParameters={
            "JobDefinition": (definition := batch.define("sh", "-c", "echo $TOLD")),
            "JobName": "told",
        },
        InputTransformer={
            "InputPathsMap": {
                "name": "$.detail.name",
                "status": "$.detail.status",
                "started": "$.detail.startDate",
            },
            "InputTemplate": json.dumps({"ContainerOverrides": overrides}),
        },
    )
    begun = [
        states.start_execution(stateMachineArn=arn, name="mine", input="{}")["executionArn"]
        for arn in (other, watched)
    ]
    for execution in begun:
        until(lambda arn=execution: states.get_execution_history(executionArn=arn)["events"][1:])
        states.stop_execution(executionArn=execution)
    by_definition = [{"name": "JOB_DEFINITION", "values": [definition]}]
    (job,) = until(lambda: batch.batch.list_jobs(jobQueue="sandbox", filters=by_definition)["jobSummaryList"])
    batch.wait(job["jobId"], "SUCCEEDED")
    started = states.describe_execution(executionArn=begun[1])["startDate"]
    (line,) = batch.lines(batch.job(job["jobId"]))
    assert line.startswith(f"mine ABORTED {int(started.timestamp())}")


def test_what_a_target_is_told():
    """All of the event, a part of it, or a constant."""
    event = {"source": "shop", "time": 0, "detail": {"a": [1]}, "ingestion-time": 1}
    assert json.loads(told({}, event)) == {"source": "shop", "time": "1970-01-01T00:00:00Z", "detail": {"a": [1]}}
    assert told({"InputPath": "$.detail"}, event) == '{"a": [1]}'
    assert told({"Input": "{}"}, event) == "{}"
