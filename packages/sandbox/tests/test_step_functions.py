"""State machines run, and their tasks are jobs that run."""

import json
import time

import botocore.exceptions
import pytest

from flowstone_sandbox.step_functions.definitions import faults_of
from flowstone_sandbox.step_functions.distributed_map import is_tolerated


@pytest.fixture(scope="module")
def states(sandbox):
    return sandbox.boto3("stepfunctions")


@pytest.fixture(scope="module")
def role(sandbox):
    return sandbox.boto3("iam").get_role(RoleName="sandbox-jobs")["Role"]["Arn"]


@pytest.fixture
def run(states, role, request):
    """Create a state machine, start it, wait for its end."""

    def start(machine, given=None, is_awaited=True):
        name = f"machine-{time.monotonic_ns()}"
        arn = states.create_state_machine(name=name, definition=json.dumps(machine), roleArn=role)[
            "stateMachineArn"
        ]
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"]
        return wait(states, execution) if is_awaited else execution

    return start


def wait(states, execution, seconds=60):
    deadline = time.monotonic() + seconds
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def submit(definition, **more):
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::batch:submitJob.sync",
        "Parameters": {"JobDefinition": definition, "JobName": "task", "JobQueue": "sandbox", **more},
    }


def one_state(state):
    return {"StartAt": "Only", "States": {"Only": {**state, "End": True}}}


def test_a_task_runs_a_job_and_gets_what_became_of_it(batch, run):
    """Later states read its id and its exit code, in the case that Step Functions prints."""
    variables = [{"Name": "WHO", "Value.$": "$.who"}]
    task = submit(batch.define("sh", "-c", "echo $WHO"), ContainerOverrides={"Environment": variables})
    done = run(one_state(task), {"who": "me"})
    assert done["status"] == "SUCCEEDED", done
    output = json.loads(done["output"])
    assert (output["Status"], output["Container"]["ExitCode"]) == ("SUCCEEDED", 0)
    assert batch.lines(batch.job(output["JobId"])) == ["me"]


def test_a_failed_job_can_be_tried_again_and_be_caught(batch, run):
    """The machine's own retries, beside those of Batch."""
    script = 'aws() { :; }; test -e "$MARK" || { touch "$MARK"; exit 1; }'
    mark = f"/tmp/mark-{time.monotonic_ns()}"
    overrides = {"Environment": [{"Name": "MARK", "Value": mark}]}
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    again = {**submit(batch.define("sh", "-c", script), ContainerOverrides=overrides), "Retry": retry}
    assert run(one_state(again))["status"] == "SUCCEEDED"
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.error"}]
    machine = {
        "StartAt": "Job",
        "States": {
            "Job": {**submit(batch.define("sh", "-c", "exit 7")), "Catch": catch, "End": True},
            "Caught": {"Type": "Pass", "End": True},
        },
    }
    error = json.loads(run(machine)["output"])["error"]
    assert error["Error"] == "States.TaskFailed"
    assert json.loads(error["Cause"])["Container"]["ExitCode"] == 7


def test_a_refused_job_says_why(run):
    """A machine that was published before its job definition."""
    failed = run(one_state(submit("no-such-definition")))
    assert (failed["status"], failed["error"]) == ("FAILED", "Batch.ClientException")
    assert "Job definition no-such-definition does not exist" in failed["cause"]


def mapped(definition, **more):
    variables = [{"Name": "ITEM", "Value.$": "States.JsonToString($)"}]
    task = {**submit(definition, ContainerOverrides={"Environment": variables}), "End": True}
    return {
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Job",
            "States": {"Job": task},
        },
        "MaxConcurrency": 4,
        **more,
    }


def test_a_distributed_map_reads_its_items_from_s3_and_runs_a_job_for_each(batch, run):
    """A foreach in production: the items are in the store."""
    batch.sandbox.boto3("s3").put_object(Bucket="flowstone", Key="items.json", Body=json.dumps([1, 2, 3, 4, 5]))
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "flowstone", "Key": "items.json"},
    }
    done = run(one_state(mapped(batch.define("sh", "-c", "echo item $ITEM"), ItemReader=reader)))
    assert done["status"] == "SUCCEEDED", done
    jobs = [batch.job(item["JobId"]) for item in json.loads(done["output"])]
    assert [batch.lines(job) for job in jobs] == [[f"item {number}"] for number in range(1, 6)]


def test_failed_items_fail_the_map_unless_they_are_tolerated(batch, run):
    """Else a production run with lost parts would look well."""
    definition = batch.define("sh", "-c", 'test "$ITEM" != 2')
    failed = run(one_state(mapped(definition, ItemsPath="$.items")), {"items": [1, 2]})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    tolerant = mapped(definition, ItemsPath="$.items", ToleratedFailureCount=1)
    assert run(one_state(tolerant), {"items": [1, 2]})["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"Output": '"aaa', "Status": "SUCCEEDED"}),
        ({"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}}, "aaa"),
    ],
)
def test_results_of_a_map_beyond_256_kib_have_to_be_written_to_s3(batch, run, config, expected):
    """Else the state fails, however little of them goes on."""
    machine = {
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Same",
            "States": {"Same": {"Type": "Pass", "InputPath": "$.text", "End": True}},
        },
        "ItemsPath": "$.items",
        "ItemSelector": {"text.$": "$.text"},
        "MaxConcurrency": 4,
    }
    given = {"items": [1, 2, 3], "text": "a" * 100_000, "name": "mine"}
    failed = run(one_state({**machine, "ResultPath": None}), given)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.DataLimitExceeded")
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "flowstone", "Prefix.$": "States.Format('results/{}', $.name)"},
        **config,
    }
    done = run(one_state({**machine, "ResultWriter": writer}), given)
    assert done["status"] == "SUCCEEDED", done
    s3 = batch.sandbox.boto3("s3")

    def read(key):
        return json.loads(s3.get_object(Bucket="flowstone", Key=key)["Body"].read())

    details = json.loads(done["output"])["ResultWriterDetails"]
    assert details["Key"].startswith("results/mine/")
    (file,) = read(details["Key"])["ResultFiles"]["SUCCEEDED"]
    results = read(file["Key"])
    first = results[0]
    cut = {**first, "Output": first["Output"][:4]} if isinstance(first, dict) else first[:3]
    assert (len(results), cut) == (3, expected)
    empty = run(one_state({**machine, "ResultWriter": writer}), {**given, "items": []})
    assert empty["status"] == "SUCCEEDED", empty


@pytest.mark.parametrize("is_mapped", [False, True])
def test_the_jobs_of_a_stopped_execution_end(batch, run, states, is_mapped):
    """Else they go on, and cost."""
    definition = batch.define("sleep", "600")
    state = mapped(definition, ItemsPath="$.items") if is_mapped else submit(definition)
    execution = run(one_state(state), {"items": [1, 2]}, is_awaited=False)
    by_definition = [{"name": "JOB_DEFINITION", "values": [definition]}]
    deadline = time.monotonic() + 30
    while (
        len(found := batch.batch.list_jobs(jobQueue="sandbox", filters=by_definition)["jobSummaryList"])
        <= is_mapped
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for job in found:
        batch.wait(job["jobId"], "RUNNING")
    states.stop_execution(executionArn=execution)
    for job in found:
        assert batch.wait(job["jobId"])["statusReason"] == "The Step Functions execution was stopped"


def test_expressions_mean_what_they_mean_on_aws(run):
    """JSONata, several names of one object, the name of the execution."""
    jsonata = {
        "QueryLanguage": "JSONata",
        "StartAt": "Only",
        "States": {"Only": {"Type": "Pass", "Output": "{% $states.input.a + 1 %}", "End": True}},
    }
    assert run(jsonata, {"a": 1})["output"] == "2"
    chosen = run(one_state({"Type": "Pass", "OutputPath": "$['a','b']"}), {"a": 1, "b": 2, "c": 3})
    assert json.loads(chosen["output"]) == {"a": 1, "b": 2}
    named = run(one_state({"Type": "Pass", "Parameters": {"name.$": "$$.Execution.Name"}}))
    assert json.loads(named["output"])["name"]
    year = "States.ArrayGetItem(States.StringSplit($$.Execution.StartTime, '-T:.Z'), 0)"
    begun = run(one_state({"Type": "Pass", "Parameters": {"year.$": year}}))
    assert json.loads(begun["output"])["year"] == str(begun["startDate"].year)


def test_a_way_that_leads_nowhere_is_refused(states, role):
    """As AWS does, when the machine is created, not when it gets there."""
    machine = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
    with pytest.raises(botocore.exceptions.ClientError, match="MISSING_TRANSITION_TARGET: 'B'"):
        states.create_state_machine(name="nowhere", definition=json.dumps(machine), roleArn=role)
    assert list(faults_of({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})) == []


def test_what_is_tolerated():
    """Either measure suffices."""
    assert is_tolerated(0, 10, 0, 0)
    assert not is_tolerated(1, 10, 0, 0)
    assert is_tolerated(1, 10, 1, 0)
    assert is_tolerated(5, 10, 0, 50)
    assert not is_tolerated(6, 10, 1, 50)
