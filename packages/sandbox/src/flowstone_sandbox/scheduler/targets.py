"""What a schedule or a rule does when it fires: a request to a service of the sandbox."""

import datetime as dt
import functools
import json
import uuid
from collections.abc import Mapping
from typing import Any

from flowstone_sandbox.options import Running

_SDK_NAMES = {"sfn": "stepfunctions"}


class UnknownTargetError(LookupError):
    """A target that the sandbox cannot call."""


class Targets:
    """Calls targets, as any client of theirs."""

    def __init__(self, running: Running) -> None:
        self._running = running

    @functools.cached_property
    def _session(self) -> Any:
        import boto3

        credentials = self._running.credentials
        return boto3.session.Session(credentials.key, credentials.secret)

    def call(self, target: Mapping[str, Any], region: str, schedule_arn: str, at: float) -> None:
        """Do what a target stands for.

        Raises:
            UnknownTargetError: the sandbox does not know how.
            botocore.exceptions.ClientError: the service refuses it.
        """
        self.send(target, _filled_in(target.get("Input") or "{}", schedule_arn, at), region)

    def send(self, target: Mapping[str, Any], given: str, region: str) -> None:
        """Do what a target stands for with what it is given, a text.

        Raises:
            UnknownTargetError: the sandbox does not know how.
            botocore.exceptions.ClientError: the service refuses it.
        """
        arn: str = target["Arn"]
        service = arn.split(":")[2]

        def client(name: str) -> Any:
            return self._session.client(name, region_name=region, endpoint_url=self._running.url)

        if service == "states":
            client("stepfunctions").start_execution(stateMachineArn=arn, name=str(uuid.uuid4()), input=given)
        elif service == "batch":
            job = target["BatchParameters"]
            wanted = {"jobQueue": arn, "jobDefinition": job["JobDefinition"], "jobName": job["JobName"]}
            _call_any(client("batch"), "submitJob", {**_job_options(given), **wanted})
        elif service == "sqs":
            queue = client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            client("sqs").send_message(QueueUrl=queue, MessageBody=given)
        elif service == "sns":
            client("sns").publish(TopicArn=arn, Message=given)
        elif arn.startswith("arn:aws:scheduler:::aws-sdk:"):
            *_, name, action = arn.split(":")
            _call_any(client(_SDK_NAMES.get(name, name)), action, json.loads(given))
        else:
            raise UnknownTargetError(f"the sandbox cannot call {arn}")


def _job_options(given: str) -> dict[str, Any]:
    """What an event may say of a job; all else in it is not looked at."""
    options = json.loads(given)
    return {name: options[name] for name in ("ContainerOverrides", "DependsOn", "Parameters") if name in options}


def _filled_in(text: str, schedule_arn: str, at: float) -> str:
    when = dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {
        "schedule-arn": schedule_arn,
        "scheduled-time": when,
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in known.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _call_any(client: Any, action: str, given: dict[str, Any]) -> None:
    """A request by its name, with its parameters in the case of the API or with capitals."""
    methods = {name.lower(): method for method, name in client.meta.method_to_api_mapping.items()}
    method = methods.get(action.lower())
    if method is None:
        raise UnknownTargetError(f"{client.meta.service_model.service_name} has no action {action}")
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    getattr(client, method)(**_cased(given, operation.input_shape))


def _cased(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {name.lower(): (name, member) for name, member in shape.members.items()}
        found = {name: known.get(name.lower(), (name, None)) for name in value}
        return {
            cased: value[name] if member is None else _cased(value[name], member)
            for name, (cased, member) in found.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_cased(item, shape.member) for item in value]
    return value
