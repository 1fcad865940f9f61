"""Which steps run on other machines, and who runs them there."""

from importlib import import_module
from typing import Any

from flowstone_datastore import Datastore
from flowstone_graph import FlowGraph, Node
from flowstone_interfaces import Executor, ExecutorPlace, PostEvent, TaskRequest
from flowstone_interfaces.plugins import load_plugin
from flowstone_runtime.remote.errors import StoreNotReachableError

EXECUTORS = "flowstone.executors"
"""The entry-point group: name to a callable that takes a `PostEvent` and an `ExecutorPlace`."""

# Not looked up like the others: reading the entry points of an environment takes milliseconds.
_OWN = {"batch": ("flowstone_executors.batch", "BatchExecutor")}
_NEAR = ("file://", "memory://")


def executor_of(node: Node) -> str | None:
    """The name of the executor that the step's decorators ask for; `None` for this machine."""
    request = TaskRequest("", (), b"")
    for decorator in node.decorators:
        request = decorator.plan(request)
    return request.executor


def far_steps(graph: FlowGraph) -> dict[str, str]:
    """The executor of each step that does not run here."""
    found = {node.name: executor_of(node) for node in graph}
    return {step: name for step, name in found.items() if name is not None}


def check_reachable(far: dict[str, str], datastore: Datastore) -> None:
    """Refuse a store that other machines do not see.

    Raises:
        StoreNotReachableError: it is one.
    """
    url = datastore.url
    if far and ("://" not in url or url.startswith(_NEAR)):
        step, executor = next(iter(far.items()))
        raise StoreNotReachableError(step, executor, url)


def open_executor(name: str, post: PostEvent, place: ExecutorPlace) -> Executor:
    """The executor of this name.

    Raises:
        PluginNotFoundError: there is none.
        BrokenPluginError: it cannot be imported.
    """
    if name in _OWN:
        module, attribute = _OWN[name]
        make: Any = getattr(import_module(module), attribute)
    else:
        make = load_plugin(EXECUTORS, name)
    executor: Executor = make(post, place)
    return executor
