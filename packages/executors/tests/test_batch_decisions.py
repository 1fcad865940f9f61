"""What the Batch executor decides, without a cloud."""

from typing import Any

import pytest

from flowstone_executors.batch.array import JobArray
from flowstone_executors.batch.ending import ending_of
from flowstone_executors.batch.errors import BatchRequestError
from flowstone_executors.batch.grouping import groups
from flowstone_executors.batch.job_definition import job_definition
from flowstone_executors.batch.options import BatchOptions
from flowstone_executors.batch.printed import as_events
from flowstone_executors.batch.submission import new_submission
from flowstone_executors.node.job_objects import marked
from flowstone_interfaces import Reason, Resources, Stream, TaskRequest

NOWHERE: Any = None  # no staging is asked here
SETTINGS = {"queue": "q", "iam_role": "arn:role"}


def request(name: str = "fit/0", **fields) -> TaskRequest:
    return TaskRequest(name, ("python3",), b"", **fields)


def job(status: str = "FAILED", **fields) -> dict:
    container = {
        key: fields.pop(key) for key in ("exitCode", "reason", "image", "resourceRequirements") if key in fields
    }
    return {"jobId": "j1", "status": status, "startedAt": 1, "container": container, **fields}


@pytest.mark.parametrize(
    ("description", "end", "reason", "told"),
    [
        (job("SUCCEEDED", exitCode=0), {"exit_code": 0}, Reason.EXITED, ""),
        (job(exitCode=1), {"exit_code": 1}, Reason.EXITED, ""),
        (job(exitCode=139), {"exit_code": -11}, Reason.SIGNALLED, ""),
        (job(exitCode=139), None, Reason.SIGNALLED, ""),
        (job(statusReason="Host EC2 (instance i-1) terminated."), None, Reason.LOST, "(instance i-1)"),
        (
            job(
                exitCode=137,
                reason="OutOfMemoryError: Container killed",
                resourceRequirements=[{"type": "MEMORY", "value": "512"}],
            ),
            {"exit_code": -9},
            Reason.OUT_OF_MEMORY,
            "512 MiB; ask for more",
        ),
        (
            job(startedAt=None, reason="CannotPullContainerError: x", image="me/typo"),
            None,
            Reason.REFUSED,
            "'me/typo'",
        ),
        (job(startedAt=None, statusReason="no such role"), None, Reason.REFUSED, "no such role"),
        (job(exitCode=137, statusReason="Job attempt duration exceeded timeout"), None, Reason.TIMED_OUT, "limit"),
        (job(exitCode=143, statusReason="by hand", isTerminated=True), None, Reason.CANCELLED, "by hand"),
        (job("SUCCEEDED", exitCode=0), None, Reason.LOST, "left no result"),
        (job(exitCode=127), None, Reason.REFUSED, "exit code 127"),
    ],
)
def test_each_way_to_end_is_told_from_the_others(description, end, reason, told) -> None:
    """What to do next depends on it: correct the code, ask for more memory, try again."""
    ending = ending_of(description, end)
    assert ending.reason is reason
    assert told in ending.message


def test_what_we_ended_ourselves_is_no_failure() -> None:
    """However it looked to AWS."""
    assert ending_of(job(exitCode=143), None, is_cancelled=True).reason is Reason.CANCELLED


def test_equal_options_are_one_job_definition_and_others_are_another() -> None:
    """An account may have so many, and each new one costs a request."""
    options = BatchOptions.of(request(resources=Resources(cpus=2, memory_mib=512)), SETTINGS)
    one, same = (job_definition(options, ["x"]) for _ in range(2))
    other = job_definition(BatchOptions.of(request(resources=Resources(cpus=4)), SETTINGS), ["x"])
    assert one == same
    assert one["jobDefinitionName"] != other["jobDefinitionName"]
    assert one["containerProperties"]["jobRoleArn"] == "arn:role"
    assert one["retryStrategy"] == {"attempts": 1}


def test_options_become_what_aws_calls_them() -> None:
    """Each of them changes where or how a job runs."""
    given = {
        "efa": 1,
        "trainium": 1,
        "use_tmpfs": True,
        "host_volumes": ("/data",),
        "efs_volumes": ("fs-1",),
        "max_swap": 7,
        "privileged": True,
        "ephemeral_storage_gib": 30,
        "log_driver": "awslogs",
        "log_options": {"awslogs-group": "mine"},
    }
    asked = request(options=given, resources=Resources(gpus=1, memory_mib=1000, shared_memory_mib=64))
    container = job_definition(BatchOptions.of(asked, SETTINGS), ["x"])["containerProperties"]
    linux = container["linuxParameters"]
    assert [each["hostPath"] for each in linux["devices"]] == ["/dev/neuron0", "/dev/infiniband/uverbs0"]
    assert (linux["sharedMemorySize"], linux["maxSwap"], linux["tmpfs"][0]["size"]) == (64, 7, 500)
    assert [each["containerPath"] for each in container["mountPoints"]] == ["/data", "/mnt/fs-1"]
    assert container["ephemeralStorage"] == {"sizeInGiB": 30}
    assert container["logConfiguration"] == {"logDriver": "awslogs", "options": {"awslogs-group": "mine"}}
    assert {"type": "GPU", "value": "1"} in container["resourceRequirements"]
    assert container["privileged"]


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        ({}, {}, "no job queue is named"),
        ({"qeue": "q"}, SETTINGS, "no option 'qeue'"),
        ({}, {**SETTINGS, "images": "x"}, "no setting 'images'"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(options, settings, told) -> None:
    """Before AWS is asked, in the words of the user's file."""
    with pytest.raises(BatchRequestError, match=told):
        BatchOptions.of(request(options=options), settings)


def test_requests_for_the_same_are_one_array_of_at_most_ten_thousand() -> None:
    """What differs from task to task does not part them; what the job is, does."""
    many = [request(f"fit/{number}", environ={"N": str(number)}) for number in range(10_001)]
    other = request("fit/x", resources=Resources(gpus=1))
    assert [len(group) for group in groups([*many, other, request("end/0")])] == [10_000, 1, 1, 1]


def test_a_job_is_small_however_much_it_is_asked_for() -> None:
    """AWS takes 8,192 bytes; the request itself goes through the store."""
    made = new_submission([request(f"fit/{n}", environ={"X": "y" * 99}) for n in range(9)], SETTINGS, "F/1", "a-1")
    submitted = made.job("d:1", "s3://b/p", "eu-west-1", "F/1")
    assert len(str(submitted)) < 1000
    assert submitted["arrayProperties"] == {"size": 9}
    assert submitted["jobName"] == "F-1-fit-a-1"
    assert sum(len(word) for word in made.definition(is_fargate=False)["containerProperties"]["command"]) < 8192


def test_of_an_array_only_what_has_changed_is_looked_at() -> None:
    """Ten thousand jobs are a hundred requests."""
    array = JobArray.of("j", NOWHERE, "r", [request(f"fit/{n}") for n in range(300)])
    assert array.is_as_counted({"RUNNABLE": 300})
    array.children[250].status = "RUNNING"
    assert array.candidates()[0].job_id == "j:250"
    assert not array.is_as_counted({"RUNNING": 2, "RUNNABLE": 298})
    assert array.is_as_counted({"RUNNING": 1, "RUNNABLE": 299})
    array.children[250].status = "STARTING"
    assert not array.is_as_counted({"RUNNING": 1, "RUNNABLE": 299}), "its log is known from now on"


@pytest.mark.parametrize("text", [b"", b"plain", b"[stderr] not really", b"[stdout+] nor this"])
@pytest.mark.parametrize("is_stderr", [True, False])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_printed_line_says_what_was_written(text, is_stderr, goes_on) -> None:
    """A log service has lines only, and one stream for both."""
    (event,) = as_events("r", [marked(is_stderr, text, goes_on)])
    assert event.stream is (Stream.STDERR if is_stderr else Stream.STDOUT)
    assert event.data == text + (b"" if goes_on else b"\n")
    assert marked(is_stderr, text, goes_on), "empty lines are not kept by CloudWatch"
