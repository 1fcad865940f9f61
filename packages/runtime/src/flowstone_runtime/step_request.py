"""What each task of a step asks of an executor, but for what is its own."""

import sys

import attrs

from flowstone_graph import Node
from flowstone_interfaces import TaskRequest
from flowstone_runtime.environments.step_environment import StepEnvironment

# -P: a file in the working folder named like a module of ours must not take its place.
WORKER_ARGV = (sys.executable, "-P", "-m", "flowstone_runtime.worker")


def step_request(
    node: Node, worker_argv: tuple[str, ...], environment: StepEnvironment | None = None
) -> TaskRequest:
    """The request as the step's decorators plan it; its id and payload are still to come.

    `environment` is the step's own, if it has one.
    """
    request = TaskRequest("", worker_argv, b"")
    for decorator in node.decorators:
        request = decorator.plan(request)
    if environment is None:
        return request
    return attrs.evolve(
        request,
        argv=environment.argv,
        environ={**environment.environ, **request.environ},
        environment_address=environment.key,
    )
