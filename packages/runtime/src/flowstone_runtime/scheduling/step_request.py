"""What each task of a step asks of an executor, but for what is its own."""

from typing import TYPE_CHECKING

import attrs

from flowstone_graph import Node
from flowstone_interfaces import TaskRequest
from flowstone_runtime.environments.step_environment import StepEnvironment
from flowstone_runtime.module_start import module_argv
from flowstone_runtime.tasks.thread_share import thread_variables

if TYPE_CHECKING:
    from flowstone_runtime.remote.launch import LaunchRef

# -P: a file in the working folder named like a module of ours must not take its place.
WORKER_ARGV = module_argv("flowstone_runtime.worker")


def step_request(
    node: Node,
    worker_argv: tuple[str, ...],
    environment: StepEnvironment | None = None,
    launch: "LaunchRef | None" = None,
) -> TaskRequest:
    """The request as the step's decorators plan it; its id and payload are still to come.

    `environment` is the step's own, if it has one; `launch` is for a step that runs elsewhere.
    """
    request = TaskRequest("", worker_argv, b"")
    for decorator in node.decorators:
        request = decorator.plan(request)
    if request.executor is not None:
        assert launch is not None, "made before, for flows with such steps"
        return _far_request(request, launch)
    if environment is None:
        return request
    return attrs.evolve(
        request,
        argv=environment.argv,
        environ={**environment.environ, **request.environ},
        environment_address=environment.key,
    )


def _far_request(request: TaskRequest, launch: "LaunchRef") -> TaskRequest:
    """On a machine of which a task has a part, libraries see all cores, and would start a thread for each."""
    from flowstone_runtime.remote.launch import remote_command

    argv, environ = remote_command(launch)
    threads = thread_variables(max(1, int(request.resources.cpus or 1)), {})
    return attrs.evolve(request, argv=argv, environ={**threads, **environ, **request.environ})
