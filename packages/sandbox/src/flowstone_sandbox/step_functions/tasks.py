"""Tasks that call other services: `batch:submitJob.sync` above all.

What is wrong in moto: the names of parameters are not brought into the form that boto3 takes, so that no
integration with a camelCase API works; a client is built for each task, with credentials of its own; each
waiting task asks over HTTP twice a second; a `.sync` task that is tried again ends at once, on the ended wait of
its first try; a job goes on when its execution is stopped.
"""

import datetime as dt
import functools
import threading
from typing import Any

from flowstone_sandbox.batch import Jobs
from flowstone_sandbox.options import Running
from flowstone_sandbox.step_functions.everywhere import replace_everywhere

CONNECTIONS = 64
_LOOK_SECONDS = 0.05
_CANCEL = "_end_the_job"
_STOPPED = "The Step Functions execution was stopped"


def repair(running: Running, jobs: Jobs) -> None:
    """Put all of it right."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service,
        state_task_service_callback,
    )
    from moto.stepfunctions.parser.asl.utils import boto_client

    replace_everywhere("boto_client_for", boto_client.boto_client_for, _shared_clients(running))
    service = state_task_service.StateTaskService
    service._normalise_parameters = _normalise_parameters  # noqa: SLF001
    service._normalise_response = _normalise_response  # noqa: SLF001
    state_task_service_callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = _LOOK_SECONDS  # noqa: SLF001
    _wait_without_endpoint(state_task_service_callback.StateTaskServiceCallback)
    _watch_jobs(jobs)


def _shared_clients(running: Running) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        parameter_validation=False, max_pool_connections=CONNECTIONS, retries={"total_max_attempts": 3}
    )
    session = boto3.session.Session(running.credentials.key, running.credentials.secret)
    lock = threading.Lock()
    clients: dict[tuple[str, str], Any] = {}

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001 -- as moto calls it
        with lock:
            if (region, service) not in clients:
                clients[region, service] = session.client(
                    service, region_name=region, endpoint_url=running.url, config=config
                )
            return clients[region, service]

    return boto_client_for


@functools.cache
def _operations(service: str) -> dict[str, Any]:
    import botocore.session
    from botocore import xform_name

    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


def _operation(task: Any, service: str | None, action: str | None) -> Any:
    from botocore import xform_name

    known = _operations(task._get_boto_service_name(service))  # noqa: SLF001
    return known.get(xform_name(task._get_boto_service_action(action)))  # noqa: SLF001


def _normalise_parameters(
    self: Any, parameters: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(self, boto_service_name, service_action_name)
    if operation is not None and operation.input_shape is not None:
        self._to_boto_request(parameters, operation.input_shape)


def _normalise_response(
    self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(self, boto_service_name, service_action_name)
    if operation is not None and operation.output_shape is not None and isinstance(response, dict):
        self._from_boto_response(response, operation.output_shape)
        plain = _plain(response)
        response.clear()
        response.update(plain)


def _plain(value: Any) -> Any:
    """Times as Step Functions prints them: milliseconds."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value.timestamp() * 1000) if isinstance(value, dt.datetime) else value


def _wait_without_endpoint(callback: Any) -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition

    original = callback._eval_sync  # noqa: SLF001

    @functools.wraps(original)
    def eval_sync(self: Any, env: Any, **more: Any) -> Any:
        if self.resource.condition == ResourceCondition.Sync:
            more["callback_endpoint"] = None
        found = original(self, env=env, **more)
        if not found and not env.is_running():
            getattr(env, _CANCEL, lambda: None)()
        return found

    callback._eval_sync = eval_sync  # noqa: SLF001


def _watch_jobs(jobs: Jobs) -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_batch

    service = state_task_service_batch.StateTaskServiceBatch
    original = service._build_sync_resolver  # noqa: SLF001

    @functools.wraps(original)
    def build_sync_resolver(self: Any, env: Any, **more: Any) -> Any:
        job = jobs.find(env.stack[-1]["JobId"])
        ask = original(self, env=env, **more)
        if job is None:
            return ask

        # not at the task: all items of a map share it
        setattr(env, _CANCEL, lambda: jobs.terminate(job, _STOPPED))
        return lambda: ask() if job.status.is_final else None

    service._build_sync_resolver = build_sync_resolver  # noqa: SLF001
