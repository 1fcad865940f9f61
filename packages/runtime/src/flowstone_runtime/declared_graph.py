"""A flow's graph with its decorators as they will be: built, checked, those of `--with` added, mutators done."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from flowstone_graph import FlowGraph, Node, parse_flow
from flowstone_graph.fault import Fault, InvalidFlowError
from flowstone_runtime.configs.config import bind_configs, has_bound_configs
from flowstone_runtime.configs.expressions import resolve
from flowstone_runtime.decorators.declared import Declared, DecoratorUse
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.mutation import decorators_of
from flowstone_runtime.user_decorators.named_decorator import step_decorator
from flowstone_runtime.user_decorators.user_step import UserCode


def declared_graph(flow: type, added: Sequence[str] = (), configs: Mapping[str, Any] | None = None) -> FlowGraph:
    """The graph of `flow`, whose nodes carry `StepDecorator`s and which itself carries `FlowDecorator`s.

    `added` are decorators for every step that has none of the same name, as `--with` takes them: `retry`,
    `retry:times=3`, `my.module.decorator:level=2`. `configs` maps attribute names to the flow's configs.

    Raises:
        InvalidFlowError: the flow or one of its decorators is at fault; it names every fault.
        UsageError: what is added does not exist, or an option is wrong.
    """
    values = configs or {}
    if not has_bound_configs(flow):
        bind_configs(flow, values)
    extra = [_added(text) for text in added]
    of_steps, of_flow = decorators_of(flow, extra, values)
    graph = parse_flow(flow, of_steps)
    nodes = tuple(_decorated(_without_unfit(node, extra), values) for node in graph)
    own = tuple(_built(use, values, f"{graph.file}: the flow {graph.name}") for use in of_flow)
    faults = [fault for node in nodes for fault in _faults(graph, node)]
    faults += _faults_of_flow(flow, graph, own)
    if faults:
        raise InvalidFlowError(graph.name, tuple(faults))
    return attrs.evolve(graph, nodes=nodes, decorators=own)


def _without_unfit(node: Node, extra: Sequence[Any]) -> Node:
    """The step without those of `--with` that are not for such a step."""
    unfit = [one for one in extra if isinstance(one, StepDecorator) and not one.fits(node)]
    kept = tuple(use for use in node.decorators if not any(use is one for one in unfit))
    return attrs.evolve(node, decorators=kept)


def _decorated(node: Node, configs: Mapping[str, Any]) -> Node:
    place = f"{node.file}:{node.line}: step {node.name!r}"
    return attrs.evolve(node, decorators=tuple(_built(use, configs, place) for use in node.decorators))


def _built(use: Any, configs: Mapping[str, Any], place: str) -> Any:
    try:
        if isinstance(use, UserCode):
            return use.resolved(configs)
        return Declared(use.kind).build(resolve(use.options, configs)) if isinstance(use, DecoratorUse) else use
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def _faults(graph: FlowGraph, node: Node) -> Iterable[Fault]:
    seen: set[str] = set()
    for decorator in node.decorators:
        if decorator.name in seen and not isinstance(decorator, UserCode):
            yield _fault(node, f"it has @{decorator.name} twice", "keep one of them")
        seen.add(decorator.name)
        what = decorator.check(graph, node)
        if what:
            yield _fault(node, f"@{decorator.name}: {what}", f"change or remove @{decorator.name}")


def _faults_of_flow(flow: type, graph: FlowGraph, decorators: Iterable[Any]) -> Iterable[Fault]:
    seen: set[str] = set()
    for decorator in decorators:
        if decorator.name in seen and not decorator.may_repeat:
            yield Fault("decorator", None, graph.file, 0, f"it has @{decorator.name} twice", "keep one of them")
        seen.add(decorator.name)
        what = decorator.check(flow, graph)
        if what:
            advice = f"change or remove @{decorator.name}"
            yield Fault("decorator", None, graph.file, 0, f"@{decorator.name}: {what}", advice)


def _fault(node: Node, what: str, advice: str) -> Fault:
    return Fault("decorator", node.name, node.file, node.line, what, advice)


def _added(text: str) -> Any:
    """The decorator of one `--with`."""
    try:
        return step_decorator(text)
    except UsageError as error:
        raise UsageError(f"--with {text}: {error}") from error
