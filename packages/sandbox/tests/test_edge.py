"""Who is let in, what goes wrong on request, and what S3 does."""

import http.client
import threading

import botocore.config
import botocore.exceptions
import pytest

from flowstone_sandbox.errors import SandboxRequestError
from flowstone_sandbox.testing import Fault

ONCE = botocore.config.Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def storage(sandbox):
    return sandbox.boto3("s3", config=ONCE)


@pytest.mark.parametrize("path", ["/flowstone/k", "/v1/submitjob", "/_sandbox/reset", "/moto-api/reset"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAM/20260101/us-east-1/batch/aws4_request"},
    ],
)
def test_strangers_are_refused(sandbox, path, headers):
    """A web page in the user's browser, or another user of the machine, must not start jobs."""
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.running.port)
    connection.request("POST", path, b"{}", headers)
    response = connection.getresponse()
    assert response.status == 403
    assert b"flowstone sandbox env" in response.read()
    connection.close()


def test_roles_and_users_of_the_sandbox_are_let_in(sandbox):
    """Clients take on roles, and work with the keys that they get."""
    sts = sandbox.boto3("sts")
    role = sandbox.boto3("iam").get_role(RoleName="sandbox-jobs")["Role"]["Arn"]
    got = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    import boto3

    session = boto3.session.Session(
        got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name="us-east-1"
    )
    assumed = session.client("sts", endpoint_url=sandbox.running.url).get_caller_identity()["Arn"]
    assert assumed.endswith("assumed-role/sandbox-jobs/session")


def test_secrets_and_images_have_their_registries(sandbox):
    """What the clients of jobs ask for beside."""
    secrets = sandbox.boto3("secretsmanager")
    secrets.create_secret(Name="database", SecretString="open sesame")
    assert secrets.get_secret_value(SecretId="database")["SecretString"] == "open sesame"
    images = sandbox.boto3("ecr")
    images.create_repository(repositoryName="team/image")
    assert images.describe_repositories()["repositories"][0]["repositoryName"] == "team/image"


def test_a_link_that_was_signed_works_without_a_header(sandbox, storage):
    """Presigned URLs are how data is handed on."""
    storage.put_object(Bucket="flowstone", Key="linked", Body=b"data")
    url = storage.generate_presigned_url("get_object", Params={"Bucket": "flowstone", "Key": "linked"})
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.running.port)
    connection.request("GET", url.removeprefix(sandbox.running.url))
    assert connection.getresponse().read() == b"data"
    connection.close()


def test_of_many_who_write_a_key_first_one_wins(sandbox):
    """Conditional writes are what locks and journals stand on."""
    import boto3

    outcomes, refusals = [], set()

    def write():
        credentials = sandbox.running.credentials
        session = boto3.session.Session(credentials.key, credentials.secret, region_name="us-east-1")
        client = session.client("s3", endpoint_url=sandbox.running.url, config=ONCE)
        for number in range(5):
            try:
                client.put_object(Bucket="flowstone", Key=f"first/{number}", Body=b"x", IfNoneMatch="*")
                outcomes.append(number)
            except botocore.exceptions.ClientError as error:
                refusals.add(error.response["ResponseMetadata"]["HTTPStatusCode"])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == list(range(5))
    assert refusals == {412}


def test_services_answer_that_they_are_busy(batch, storage):
    """Each in its own form, so that clients see the error's name, and try again as they would."""
    storage.put_object(Bucket="flowstone", Key="busy", Body=b"x")
    batch.sandbox.set_faults(
        Fault(service="s3", method="GET", status=503, code="SlowDown", times=1),
        Fault(service="batch", action="SubmitJob", status=429, code="TooManyRequestsException", times=1),
        Fault(service="logs", action="GetLogEvents", status=400, code="ThrottlingException", times=1),
        Fault(service="sts", status=400, code="Throttling", times=1),
    )
    definition = batch.define("true")
    calls = {
        "SlowDown": lambda: storage.get_object(Bucket="flowstone", Key="busy"),
        "TooManyRequestsException": lambda: batch.sandbox.boto3("batch", config=ONCE).submit_job(
            jobName="busy", jobQueue="sandbox", jobDefinition=definition
        ),
        "ThrottlingException": lambda: batch.sandbox.boto3("logs", config=ONCE).get_log_events(
            logGroupName="g", logStreamName="s"
        ),
        "Throttling": lambda: batch.sandbox.boto3("sts", config=ONCE).get_caller_identity(),
    }
    for code, call in calls.items():
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code
    assert batch.sandbox.status()["faults_happened"] == len(calls)
    assert storage.get_object(Bucket="flowstone", Key="busy")["Body"].read() == b"x"


def test_a_part_of_the_requests_fails(batch, storage):
    """As a rate, with chance: what tests of patience need."""
    batch.sandbox.set_faults(Fault(service="s3", method="PUT", status=503, code="SlowDown", rate=0.5))
    outcomes = []
    for number in range(40):
        try:
            storage.put_object(Bucket="flowstone", Key=f"rate/{number}", Body=b"x")
            outcomes.append(True)
        except botocore.exceptions.ClientError:
            outcomes.append(False)
    assert set(outcomes) == {True, False}


def test_answers_break_off_and_connections_break(batch, storage):
    """Networks do that."""
    storage.put_object(Bucket="flowstone", Key="long", Body=b"x" * 1000)
    batch.sandbox.set_faults(Fault(service="s3", path="/long$", method="GET", cut_bytes=100, times=1))
    body = storage.get_object(Bucket="flowstone", Key="long")["Body"]
    with pytest.raises((botocore.exceptions.IncompleteReadError, botocore.exceptions.ResponseStreamingError)):
        body.read()
    batch.sandbox.set_faults(Fault(service="s3", is_reset=True, times=1))
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        storage.get_object(Bucket="flowstone", Key="long")


def test_a_fault_that_makes_no_sense_is_refused(sandbox):
    """A mistyped condition would hold for nothing, and the test would prove nothing."""
    with pytest.raises(SandboxRequestError, match="no field 'statuss'"):
        sandbox.ask("faults", {"requests": [{"statuss": 503}]})
    with pytest.raises(SandboxRequestError, match="there is no 'nothing'"):
        sandbox.ask("nothing", {})
