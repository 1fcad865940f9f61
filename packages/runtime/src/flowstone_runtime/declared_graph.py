"""A flow's graph with its decorators as they will be: built, checked, those of `--with` added."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import attrs

from flowstone_graph import FlowGraph, Node, parse_flow
from flowstone_graph.fault import Fault, InvalidFlowError
from flowstone_interfaces.plugins import load_plugin
from flowstone_runtime.config_values import resolve
from flowstone_runtime.decorators.step_decorator import Declared, DecoratorUse, StepDecorator
from flowstone_runtime.errors import UsageError
from flowstone_runtime.option_text import parse_options

DECORATORS = "flowstone.decorators"
"""The entry-point group of decorators that `--with` knows by name."""

_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z")


def declared_graph(flow: type, added: Sequence[str] = (), configs: Mapping[str, Any] | None = None) -> FlowGraph:
    """The graph of `flow`, whose nodes carry `StepDecorator`s.

    `added` are decorators for every step that has none of the same name, as `--with` takes them: `retry`,
    `retry:times=3`, `my.module.decorator:level=2`. `configs` maps attribute names to the flow's configs.

    Raises:
        InvalidFlowError: the flow or one of its decorators is at fault; it names every fault.
        UsageError: what is added does not exist, or an option is wrong.
    """
    graph = parse_flow(flow)
    extra = [_added(text) for text in added]
    nodes = tuple(_decorated(node, extra, configs or {}) for node in graph)
    faults = [fault for node in nodes for fault in _faults(graph, node)]
    if faults:
        raise InvalidFlowError(graph.name, tuple(faults))
    return attrs.evolve(graph, nodes=nodes)


def _decorated(node: Node, added: Iterable[StepDecorator], configs: Mapping[str, Any]) -> Node:
    own = [_built(node, use, configs) for use in node.decorators]
    names = {decorator.name for decorator in own}
    return attrs.evolve(node, decorators=(*own, *(extra for extra in added if extra.name not in names)))


def _built(node: Node, use: Any, configs: Mapping[str, Any]) -> Any:
    if not isinstance(use, DecoratorUse):
        return use
    try:
        return Declared(use.kind).build(resolve(use.options, configs))
    except UsageError as error:
        raise UsageError(f"{node.file}:{node.line}: step {node.name!r}: {error}") from error


def _faults(graph: FlowGraph, node: Node) -> Iterable[Fault]:
    seen: set[str] = set()
    for decorator in node.decorators:
        if decorator.name in seen:
            yield _fault(node, f"it has @{decorator.name} twice", "keep one of them")
        seen.add(decorator.name)
        what = decorator.check(graph, node)
        if what:
            yield _fault(node, f"@{decorator.name}: {what}", f"change or remove @{decorator.name}")


def _fault(node: Node, what: str, advice: str) -> Fault:
    return Fault("decorator", node.name, node.file, node.line, what, advice)


def _added(text: str) -> StepDecorator:
    """The decorator of one `--with`."""
    name, _, options = text.partition(":")
    if not _NAME.match(name):
        raise UsageError(f"--with {text}: {name!r} is no name of a decorator; write --with retry:times=3")
    declared: Any = _imported(text, name) if "." in name else load_plugin(DECORATORS, name)
    if not isinstance(declared, Declared):
        raise UsageError(f"--with {text}: {name} is no decorator of steps; it is {declared!r}")
    try:
        built: StepDecorator = declared.build(parse_options(options))
    except UsageError as error:
        raise UsageError(f"--with {text}: {error}") from error
    return built


def _imported(text: str, path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--with {text}: {path} cannot be imported: {error}") from error
