"""Arrays, dependencies, lists: what a foreach of thousands needs of Batch."""

import time

import botocore.exceptions
import pytest


def test_children_know_their_place_and_the_array_sums_them_up(batch):
    """A failed child fails the array, when all others are done."""
    script = 'echo $AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE; test "$AWS_BATCH_JOB_ARRAY_INDEX" != 2'
    array_id = batch.submit(batch.define("sh", "-c", script), arrayProperties={"size": 5})
    array = batch.wait(array_id)
    assert (array["status"], array["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert array["arrayProperties"]["size"] == 5
    assert array["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 4
    child = batch.job(f"{array_id}:2")
    assert (child["status"], child["arrayProperties"]["index"]) == ("FAILED", 2)
    assert batch.lines(child) == ["2 of 5"]
    failed = batch.batch.list_jobs(arrayJobId=array_id, jobStatus="FAILED")["jobSummaryList"]
    assert [item["jobId"] for item in failed] == [f"{array_id}:2"]


def test_a_job_waits_for_those_that_it_depends_on(batch):
    """And fails with them."""
    first = batch.submit(batch.define("sleep", "0.2"))
    then = batch.submit(batch.define("true"), dependsOn=[{"jobId": first}])
    assert batch.job(then)["status"] == "PENDING"
    assert batch.wait(then)["startedAt"] >= batch.job(first)["stoppedAt"]
    failing = batch.submit(batch.define("false"))
    dependent = batch.wait(batch.submit(batch.define("true"), dependsOn=[{"jobId": failing}]))
    assert (dependent["status"], dependent["statusReason"]) == ("FAILED", "Dependent Job failed")
    assert dependent["attempts"] == []


def test_children_wait_for_their_counterparts_or_for_the_one_before(batch):
    """N_TO_N is a foreach after a foreach, SEQUENTIAL one at a time."""
    one = batch.submit(batch.define("sleep", "0.05"), arrayProperties={"size": 3})
    other = batch.submit(
        batch.define("true"), arrayProperties={"size": 3}, dependsOn=[{"jobId": one, "type": "N_TO_N"}]
    )
    assert batch.wait(other)["status"] == "SUCCEEDED"
    for index in range(3):
        assert batch.job(f"{other}:{index}")["startedAt"] >= batch.job(f"{one}:{index}")["stoppedAt"]
    chain = batch.submit(
        batch.define("sleep", "0.05"), arrayProperties={"size": 3}, dependsOn=[{"type": "SEQUENTIAL"}]
    )
    assert batch.wait(chain)["status"] == "SUCCEEDED"
    times = [batch.job(f"{chain}:{index}") for index in range(3)]
    assert times[0]["stoppedAt"] <= times[1]["startedAt"]
    assert times[1]["stoppedAt"] <= times[2]["startedAt"]


def test_a_large_array_is_taken_at_once_told_at_once_and_ended_at_once(batch):
    """10,000 tasks of a foreach are one request, and a hundred of them one answer."""
    definition = batch.define("sleep", "60")
    began = time.monotonic()
    array_id = batch.submit(definition, arrayProperties={"size": 10_000})
    submitted = time.monotonic()
    for start in range(0, 10_000, 100):
        names = [f"{array_id}:{index}" for index in range(start, start + 100)]
        assert len(batch.batch.describe_jobs(jobs=names)["jobs"]) == 100
    described = time.monotonic()
    print(f"submitted in {submitted - began:.2f} s, described in {described - submitted:.2f} s")
    batch.batch.terminate_job(jobId=array_id, reason="enough")
    array = batch.wait(array_id)
    assert (array["status"], array["statusReason"]) == ("FAILED", "enough")
    assert array["arrayProperties"]["statusSummary"]["FAILED"] == 10_000


def test_lists_come_in_pages_and_can_be_narrowed(batch):
    """As AWS filters: the running ones if nothing is said, the newest first if a filter is."""
    definition = batch.define("true", name="listed-definition")
    names = ["listed-one", "listed-two", "Listed-three"]
    jobs = [batch.wait(batch.submit(definition, name=name))["jobId"] for name in names]

    def found(**more):
        pages = batch.batch.get_paginator("list_jobs").paginate(jobQueue="sandbox", **more)
        return [item["jobId"] for page in pages for item in page["jobSummaryList"]]

    by_name = [{"name": "JOB_NAME", "values": ["listed-*"]}]
    assert found(filters=by_name) == jobs[::-1]
    assert found(filters=by_name, PaginationConfig={"PageSize": 1}) == jobs[::-1]
    assert found(filters=[{"name": "JOB_DEFINITION", "values": ["listed-definition"]}]) == jobs[::-1]
    created = str(batch.job(jobs[1])["createdAt"])
    assert jobs[2] in found(filters=[{"name": "AFTER_CREATED_AT", "values": [created]}])
    assert jobs[0] not in found(filters=[{"name": "AFTER_CREATED_AT", "values": [created]}])
    assert set(jobs) <= set(found(jobStatus="SUCCEEDED"))
    assert not set(jobs) & set(found())


def test_a_new_revision_is_taken_unless_one_is_named(batch):
    """Definitions never change; a name means the newest."""
    batch.define("echo", "old", name="revised")
    batch.define("echo", "new", name="revised")
    assert batch.lines(batch.wait(batch.submit("revised", name="revised"))) == ["new"]
    assert batch.lines(batch.wait(batch.submit("revised:1", name="revised"))) == ["old"]
    batch.batch.deregister_job_definition(jobDefinition="revised:2")
    assert batch.lines(batch.wait(batch.submit("revised", name="revised"))) == ["old"]


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"jobQueue": "nowhere"}, "Job queue nowhere does not exist"),
        ({"jobDefinition": "nothing"}, "Job definition nothing does not exist"),
        ({"jobName": "no blanks"}, "should match valid pattern"),
        ({"arrayProperties": {"size": 10_001}}, "between 2 and 10000"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"dependsOn": [{"jobId": "unknown"}]}, "Job unknown does not exist"),
        ({"dependsOn": [{"type": "SEQUENTIAL"}]}, "is for array jobs"),
        ({"containerOverrides": {"command": ["x" * 9000]}}, "must be at most 8192"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": ""}]}}, "reserved"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "many"}]}}, "no number"),
    ],
)
def test_what_aws_refuses_is_refused(batch, more, part):
    """A green test here must not be a red one there."""
    request = {"jobName": "refused", "jobQueue": "sandbox", "jobDefinition": batch.define("true"), **more}
    with pytest.raises(botocore.exceptions.ClientError, match=part) as caught:
        batch.batch.submit_job(**request)
    assert caught.value.response["Error"]["Code"] == "ClientException"


def test_too_many_jobs_cannot_be_described_at_once(batch):
    """AWS's limit is a hundred."""
    with pytest.raises(botocore.exceptions.ClientError, match="at most 100"):
        batch.batch.describe_jobs(jobs=["x"] * 101)
