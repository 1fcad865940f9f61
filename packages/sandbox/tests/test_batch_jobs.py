"""Jobs of AWS Batch, submitted with boto3 over HTTP, really run and end as AWS says they do."""

import os
import signal
import subprocess
import sys
import time

import pytest

PYTHON = sys.executable
ASK_FOR_MUCH = "x = bytearray(400 << 20); x[::4096] = bytes(len(x[::4096])); print('still here')"


def test_a_job_gets_its_environment_and_its_output_reaches_the_logs(batch):
    """Everything else rests on it: what the request says overrides what the definition says."""
    job = batch.run(
        "sh",
        "-c",
        "echo $GREETING $WHO Ref::word; echo err >&2; pwd; echo $HOME; env",
        environment=[{"name": "GREETING", "value": "hi"}, {"name": "WHO", "value": "you"}],
        parameters={"word": "default"},
        submitted={
            "parameters": {"word": "given"},
            "containerOverrides": {"environment": [{"name": "WHO", "value": "me"}]},
        },
    )
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert job["statusReason"] == "Essential container in task exited"
    first, error, folder, home, *rest = batch.lines(job)
    assert (first, error) == ("hi me given", "err")
    assert folder == home  # in a folder of its own
    variables = dict(line.split("=", 1) for line in rest)
    assert variables["AWS_BATCH_JOB_ID"] == job["jobId"]
    assert variables["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert variables["AWS_BATCH_JQ_NAME"] == "sandbox"
    assert variables["AWS_ENDPOINT_URL"] == batch.sandbox.running.url
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    name = job["container"]["logStreamName"]
    assert name.startswith(f"{job['jobName']}/default/")
    assert len(name.rpartition("/")[2]) == 32


def test_a_job_uses_the_sandbox(batch):
    """Jobs read and write their data in S3, with the credentials that they find."""
    code = "import boto3, os; boto3.client('s3').put_object(Bucket='flowstone', Key='from-a-job', Body=b'x')"
    job = batch.run(PYTHON, "-c", code)
    assert job["status"] == "SUCCEEDED", batch.lines(job)
    found = batch.sandbox.boto3("s3").get_object(Bucket="flowstone", Key="from-a-job")
    assert found["Body"].read() == b"x"


def test_an_image_can_stand_for_a_folder_of_programs(batch):
    """So a job runs in an environment that differs from the sandbox's."""
    assert batch.lines(batch.run("greet", image="greeter")) == ["hello from the image"]


def test_a_failed_job_says_its_exit_code(batch):
    """An executor tells from it that it was the user's program that failed."""
    job = batch.run("sh", "-c", "exit 3")
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 3)
    assert job["statusReason"] == "Essential container in task exited"
    assert "reason" not in job["container"]


def test_a_job_is_tried_again_until_it_succeeds(batch):
    """Each attempt is told apart, with a log of its own."""
    command = 'echo try $AWS_BATCH_JOB_ATTEMPT; test "$AWS_BATCH_JOB_ATTEMPT" -ge 3'
    job = batch.run("sh", "-c", command, retryStrategy={"attempts": 5})
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]
    assert batch.lines(job) == ["try 3"]
    assert len({attempt["container"]["logStreamName"] for attempt in job["attempts"]}) == 3


def test_rules_say_after_which_failure_a_job_is_tried_again(batch):
    """A user's error is final, a reclaimed machine is not."""
    rules = [{"onExitCode": "3", "action": "EXIT"}, {"onReason": "*", "action": "RETRY"}]
    retry = {"attempts": 3, "evaluateOnExit": rules}
    assert len(batch.run("sh", "-c", "exit 3", submitted={"retryStrategy": retry})["attempts"]) == 1
    assert len(batch.run("sh", "-c", "exit 4", submitted={"retryStrategy": retry})["attempts"]) == 3


@pytest.mark.parametrize("code", [ASK_FOR_MUCH, f"{ASK_FOR_MUCH}; import time; time.sleep(60)"])
def test_a_job_over_its_memory_looks_as_on_aws(batch, code):
    """Whether it holds the memory for long or for an instant."""
    job = batch.run(PYTHON, "-c", code, memory="128")
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 137)
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert job["statusReason"] == "Essential container in task exited"


def test_children_of_a_job_count_as_its_memory(batch):
    """A job that starts workers has one limit for all."""
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(60)"
    job = batch.run(PYTHON, "-c", code, f"{ASK_FOR_MUCH}; import time; time.sleep(60)", memory="128")
    assert job["container"]["exitCode"] == 137


def test_a_job_ends_at_its_time_limit_and_is_not_tried_again(batch):
    """As AWS does it."""
    job = batch.run("sleep", "60", timeout={"attemptDurationSeconds": 1}, retryStrategy={"attempts": 3})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1


def test_a_terminated_job_may_say_goodbye(batch):
    """SIGTERM comes first; the reason is the one that was given, and it is not tried again."""
    script = "trap 'echo bye; exit 9' TERM; echo here; while true; do sleep 0.05; done"
    job_id = batch.submit(batch.define("sh", "-c", script, retryStrategy={"attempts": 3}))
    batch.wait_for_line(job_id, "here")
    batch.batch.terminate_job(jobId=job_id, reason="not needed")
    job = batch.wait(job_id)
    assert (job["status"], job["statusReason"], job["container"]["exitCode"]) == ("FAILED", "not needed", 9)
    assert job["isTerminated"]
    assert batch.lines(job) == ["here", "bye"]


def test_a_terminated_job_that_does_not_listen_is_killed(batch):
    """Nothing goes on, and nothing that it started."""
    script = "trap '' TERM; (sleep 987.1 & echo here; while true; do sleep 0.05; done)"
    job_id = batch.submit(batch.define("sh", "-c", script))
    batch.wait_for_line(job_id, "here")
    batch.batch.terminate_job(jobId=job_id, reason="enough")
    assert batch.wait(job_id)["container"]["exitCode"] == 137
    assert not running_with("987.1")


def test_what_a_job_leaves_behind_is_killed(batch):
    """A container takes its processes with it."""
    assert batch.run("sh", "-c", "sleep 987.2 & echo started")["status"] == "SUCCEEDED"
    assert not running_with("987.2")


def running_with(word):
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"sleep {word}" in line and "sh -c" not in line]


def test_a_program_that_there_is_not_fails_to_start(batch):
    """It is told apart from a program that failed."""
    job = batch.run("no-such-program")
    assert job["statusReason"] == "Task failed to start"
    assert job["container"]["reason"].startswith("CannotStartContainerError")
    assert "exitCode" not in job["container"]


def test_jobs_wait_for_room(batch):
    """GPUs and processors are counted, and given back; each job gets GPUs of its own."""
    script = "echo $CUDA_VISIBLE_DEVICES; sleep 60"
    large = batch.define("sh", "-c", script, gpus="2")
    two = [batch.submit(large) for _ in range(2)]
    third = batch.submit(large)
    batch.wait_for_line(two[0], "0,1")
    batch.wait_for_line(two[1], "2,3")
    assert batch.job(third)["status"] == "RUNNABLE"
    assert batch.run("true")["status"] == "SUCCEEDED"  # what needs no GPU passes by
    batch.batch.terminate_job(jobId=two[0], reason="room")
    batch.wait_for_line(third, "0,1")
    for job_id in (*two, third):
        batch.batch.terminate_job(jobId=job_id, reason="done")
        batch.wait(job_id)


def test_a_job_that_is_too_large_for_ever_says_so(batch):
    """It waits, as on AWS, and can be cancelled."""
    job_id = batch.submit(batch.define("true", vcpus="9"))
    assert batch.job(job_id)["status"] == "RUNNABLE"
    assert batch.job(job_id)["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
    batch.batch.cancel_job(jobId=job_id, reason="too large")
    job = batch.wait(job_id)
    assert (job["statusReason"], job["isCancelled"], job["attempts"]) == ("too large", True, [])


def test_a_lost_machine_is_told_and_tried_again(batch):
    """The rule for spot machines that AWS's own guide gives."""
    rules = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
    script = 'echo here; test "$AWS_BATCH_JOB_ATTEMPT" = 2 || sleep 60'
    job_id = batch.submit(batch.define("sh", "-c", script, retryStrategy={"attempts": 2, "evaluateOnExit": rules}))
    batch.wait_for_line(job_id, "here")
    assert batch.sandbox.interrupt(job_id) == 1
    job = batch.wait(job_id)
    assert job["status"] == "SUCCEEDED"
    lost = job["attempts"][0]
    assert lost["statusReason"].startswith("Host EC2 (instance i-")
    assert lost["statusReason"].endswith(") terminated.")
    assert "exitCode" not in lost["container"]


def test_a_killed_warden_is_a_lost_machine_and_another_takes_its_place(batch):
    """The system may kill any process when memory is short: the sandbox goes on."""
    job_id = batch.submit(batch.define("sh", "-c", "echo here; sleep 987.3; true"))
    batch.wait_for_line(job_id, "here")
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    daemon = str(batch.sandbox.running.pid)
    (warden,) = [int(pid) for pid, parent, command in rows if parent == daemon and "warden.py" in command]
    os.kill(warden, signal.SIGKILL)
    assert batch.wait(job_id)["statusReason"].startswith("Host EC2 (instance i-")
    assert not running_with("987.3")
    assert batch.run("true")["status"] == "SUCCEEDED"


def test_output_comes_while_the_job_runs_and_page_by_page(batch):
    """Whoever follows a log asks again with the token that it got, until there is nothing new."""
    job_id = batch.submit(batch.define("sh", "-c", "for i in 1 2 3 4 5; do echo $i; done; sleep 60"))
    batch.wait_for_line(job_id, "5")
    stream = batch.job(job_id)["container"]["logStreamName"]
    token, lines = {}, []
    for _ in range(4):
        page = batch.logs.get_log_events(
            logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True, limit=2, **token
        )
        lines.append([event["message"] for event in page["events"]])
        token = {"nextToken": page["nextForwardToken"]}
    assert lines == [["1", "2"], ["3", "4"], ["5"], []]
    batch.batch.terminate_job(jobId=job_id, reason="done")
    batch.wait(job_id)


def test_an_endless_line_and_odd_bytes_are_output_too(batch):
    """A program may print anything."""
    code = "import sys; sys.stdout.buffer.write(b'\\xff' + b'x' * 300000 + b'\\n\\nend')"
    lines = batch.lines(batch.run(PYTHON, "-c", code))
    assert lines[0].startswith("\ufffdxxx")
    assert "".join(lines) == "\ufffd" + "x" * 300000 + "end"
    assert lines[-2:] == ["", "end"]


def test_a_job_may_close_its_output_and_go_on(batch):
    """Its last words are there; watching it costs nothing."""
    job = batch.run("sh", "-c", "printf last; exec >&- 2>&-; sleep 0.3")
    assert (job["status"], batch.lines(job)) == ("SUCCEEDED", ["last"])


def test_a_job_that_never_stops_talking_ends_at_its_limit(batch):
    """Reading it must not keep from anything else."""
    job = batch.run("sh", "-c", "while :; do echo $$; done", timeout={"attemptDurationSeconds": 1})
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert batch.lines(job)


def test_logs_can_be_late(batch):
    """A client must not take the end of a job for the end of its output."""
    batch.sandbox.set_faults(log_delay_seconds=0.5)
    job = batch.run("echo", "late")
    assert batch.lines(job) == []
    deadline = time.monotonic() + 30
    while not batch.lines(job):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert batch.lines(job) == ["late"]


def test_an_image_can_be_missing(batch):
    """A mistyped image is the commonest failure of all."""
    batch.sandbox.set_faults(missing_images=["nobody/nothing:1"])
    job = batch.run("true", image="nobody/nothing:1")
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotPullContainerError")
