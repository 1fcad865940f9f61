"""What each task of a step asks of an executor, but for what is its own."""

import sys

from flowstone_graph import Node
from flowstone_interfaces import TaskRequest

# -P: a file in the working folder named like a module of ours must not take its place.
WORKER_ARGV = (sys.executable, "-P", "-m", "flowstone_runtime.worker")


def step_request(node: Node, worker_argv: tuple[str, ...]) -> TaskRequest:
    """The request as the step's decorators plan it; its id and payload are still to come."""
    request = TaskRequest("", worker_argv, b"")
    for decorator in node.decorators:
        request = decorator.plan(request)
    return request
