"""Schedules fire when they should, by a clock that tests put forward."""

import datetime as dt
import json
import time
from zoneinfo import ZoneInfo

import botocore.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_sandbox.errors import SandboxRequestError
from flowstone_sandbox.scheduler.expression import InvalidExpressionError, parse_expression

DAY = 86400
BEGIN = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.timezone.utc).timestamp()


def times(text, days, zone="UTC", begin=BEGIN):
    found = parse_expression(text, zone).times(begin, begin + days * DAY, begin)
    return [dt.datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%m-%d %H:%M") for at in found]


def test_expressions_say_when():
    """As AWS's own guide reads them."""
    assert times("rate(12 hours)", 1) == ["11-26 00:00", "11-26 12:00"]
    assert times("at(2026-11-26T08:00:00)", 3, "Europe/Helsinki") == ["11-26 08:00"]
    assert times("cron(0 3 * * ? *)", 2) == ["11-26 03:00", "11-27 03:00"]
    assert times("cron(0/30 9 ? * MON-FRI *)", 3) == ["11-26 09:00", "11-26 09:30", "11-27 09:00", "11-27 09:30"]
    assert times("cron(0 0 L * ? *)", 70) == ["11-30 00:00", "12-31 00:00", "01-31 00:00"]
    assert times("cron(0 0 ? * 2#1 *)", 40) == ["12-07 00:00", "01-04 00:00"]
    assert times("cron(0 0 ? * 6L *)", 40) == ["11-27 00:00", "12-25 00:00"]


def test_days_of_work_are_near():
    """`15W`: the 15th, or the working day next to it."""
    assert times("cron(0 0 15W 5,8 ? 2027)", 365) == ["05-14 00:00", "08-16 00:00"]
    assert times("cron(0 0 1W 5,8 ? 2027)", 365) == ["05-03 00:00", "08-02 00:00"]


def test_an_hour_that_comes_twice_fires_once_and_one_that_does_not_come_not_at_all():
    """Summer time is where schedules go wrong."""
    autumn = dt.datetime(2026, 10, 31, 12, tzinfo=dt.timezone.utc).timestamp()
    assert times("cron(30 1 * * ? *)", 2, "America/New_York", autumn) == ["11-01 01:30", "11-02 01:30"]
    spring = dt.datetime(2027, 3, 13, 12, tzinfo=dt.timezone.utc).timestamp()
    assert times("cron(30 2 * * ? *)", 2, "America/New_York", spring) == ["03-15 02:30"]


@pytest.mark.parametrize(
    "text",
    [
        "cron(bad)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "cron(0 1 * * * *)",
        "cron(61 1 * * ? *)",
        "cron(0 1 ? * FOO *)",
        "cron(0 0 32 * ? *)",
        "at(tomorrow)",
        "",
    ],
)
def test_what_says_no_time_is_refused(text):
    """A schedule that never fires is found out when it is too late."""
    with pytest.raises(InvalidExpressionError):
        parse_expression(text, "UTC")


@given(st.integers(1, 100), st.lists(st.floats(1, 5000), max_size=20))
def test_however_often_one_looks_nothing_fires_twice_or_is_missed(minutes, steps):
    """A look covers what came after the one before."""
    expression = parse_expression(f"rate({minutes} minutes)", "UTC")
    found, at = [], BEGIN
    for step in steps:
        found += expression.times(at, at + step, BEGIN)
        at += step
    assert found == list(expression.times(BEGIN, at, BEGIN))


@pytest.fixture
def scheduler(sandbox):
    client = sandbox.boto3("scheduler")
    yield client
    for item in client.list_schedules()["Schedules"]:
        client.delete_schedule(Name=item["Name"])


def fired(sandbox, name, seconds):
    return [item for item in sandbox.advance_clock(seconds) if item["name"] == name]


def test_a_schedule_starts_a_state_machine_each_night(sandbox, scheduler):
    """Days of production in a second; the execution is told its time."""
    states = sandbox.boto3("stepfunctions")
    role = sandbox.boto3("iam").get_role(RoleName="sandbox-jobs")["Role"]["Arn"]
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="nightly", definition=definition, roleArn=role)["stateMachineArn"]
    schedule = {
        "Name": "nightly",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "America/New_York",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": machine, "RoleArn": role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
    }
    scheduler.create_schedule(**schedule)
    nights = fired(sandbox, "nightly", 2 * DAY)
    assert [item["error"] for item in nights] == [None, None]
    executions = states.list_executions(stateMachineArn=machine)["executions"]
    inputs = [states.describe_execution(executionArn=item["executionArn"])["input"] for item in executions]
    hours = {json.loads(text)["at"][11:] for text in inputs}
    assert hours <= {"07:00:00Z", "08:00:00Z"}
    assert len(inputs) == 2
    scheduler.update_schedule(**schedule, State="DISABLED")
    assert len(fired(sandbox, "nightly", 2 * DAY)) == 2


def test_a_schedule_submits_a_job_once_and_is_gone(batch, sandbox, scheduler):
    """Any request of AWS can be a target."""
    definition = batch.define("echo", "scheduled", name="scheduled")
    at = dt.datetime.fromtimestamp(time.time() + 400 * DAY, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    given = {"JobName": "scheduled", "JobQueue": "sandbox", "JobDefinition": definition}
    scheduler.create_schedule(
        Name="once",
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob",
            "RoleArn": "arn:aws:iam::123456789012:role/sandbox-jobs",
            "Input": json.dumps(given),
        },
    )
    assert [item["error"] for item in fired(sandbox, "once", 500 * DAY)] == [None]
    by_name = [{"name": "JOB_NAME", "values": ["scheduled"]}]
    job = batch.batch.list_jobs(jobQueue="sandbox", filters=by_name)["jobSummaryList"][0]
    assert batch.lines(batch.wait(job["jobId"])) == ["scheduled"]
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="once")


def test_a_bad_schedule_is_refused_when_it_is_made(scheduler, sandbox):
    """And the clock does not go back."""
    with pytest.raises(botocore.exceptions.ClientError, match="Invalid Schedule Expression"):
        scheduler.create_schedule(
            Name="bad",
            ScheduleExpression="cron(61 1 * * ? *)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"},
        )
    with pytest.raises(SandboxRequestError, match="put forward"):
        sandbox.advance_clock(-1)
