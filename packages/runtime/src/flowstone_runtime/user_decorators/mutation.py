"""Have a flow's mutators change it: once when its configs are read, once when its command line is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from flowstone_graph.parse import step_functions
from flowstone_runtime.decorators.flow_decorator import flow_decorator_uses
from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.class_changes import ClassChanges
from flowstone_runtime.user_decorators.decorator_list import DecoratorList
from flowstone_runtime.user_decorators.mutable_flow import MutableFlow
from flowstone_runtime.user_decorators.mutators import FlowMutator, Mutation, StepMutator, flow_mutations

Decorators = dict[str, tuple[Any, ...]]
"""The decorators of each step, the innermost first."""


def mutate_early(flow: type, configs: Mapping[str, Any]) -> None:
    """Call every `pre_mutate`: parameters and decorators of the class are from now on what they make of them.

    A second call begins anew.
    """
    changes = vars(flow).get("_flowstone_changes")
    if changes is not None:
        changes.undo()
    steps = {name: tuple(getattr(function, "decorators", ())) for name, function in step_functions(flow).items()}
    if not flow_mutations(flow) and not any(_mutations(own) for own in steps.values()):
        return
    changes = ClassChanges(flow)
    lists = _lists(steps)
    own = DecoratorList(flow.__name__, [*flow_decorator_uses(flow)])
    mutable = MutableFlow(flow, configs, lists, own, changes)
    for mutation in flow_mutations(flow):
        cast("FlowMutator", _made(mutation, configs)).pre_mutate(mutable)
    for name, step in mutable.steps:
        for mutation in _mutations(lists[name].items):
            cast("StepMutator", _made(mutation, configs)).pre_mutate(step)
    changes.set("_flowstone_settled", ({name: tuple(of.items) for name, of in lists.items()}, tuple(own.items)))
    flow._flowstone_changes = changes  # type: ignore[attr-defined]  # noqa: SLF001 - its slot


def decorators_of(
    flow: type, added: Sequence[Any], configs: Mapping[str, Any]
) -> tuple[Decorators, tuple[Any, ...]]:
    """The decorators of the steps and of the flow when every mutator is done.

    `added` go to every step that has none of the same name; of the mutators among them, all is called here.
    """
    settled = vars(flow).get("_flowstone_settled")
    if settled is None:
        functions = step_functions(flow).items()
        steps: Decorators = {name: tuple(getattr(function, "decorators", ())) for name, function in functions}
        of_flow = flow_decorator_uses(flow)
    else:
        steps, of_flow = settled
    lists = _lists({name: _with(own, added) for name, own in steps.items()})
    mutable = MutableFlow(flow, configs, lists, DecoratorList(flow.__name__, [*of_flow]), None)
    for mutation in flow_mutations(flow):
        cast("FlowMutator", _made(mutation, configs)).mutate(mutable)
    for name, step in mutable.steps:
        for mutation in _mutations(lists[name].items):
            mutator = cast("StepMutator", _made(mutation, configs))
            if any(mutation is one for one in added):
                mutator.pre_mutate(step)
            mutator.mutate(step)
    return {
        name: tuple(item for item in of.items if not isinstance(item, Mutation)) for name, of in lists.items()
    }, (*of_flow,)


def _lists(steps: Mapping[str, Iterable[Any]]) -> dict[str, DecoratorList]:
    return {name: DecoratorList(f"step {name!r}", [*own]) for name, own in steps.items()}


def _with(own: tuple[Any, ...], added: Iterable[Any]) -> tuple[Any, ...]:
    names = {decorator.name for decorator in own}
    return (*own, *(extra for extra in added if extra.name not in names))


def _mutations(items: Iterable[Any]) -> list[Mutation]:
    return [item for item in items if isinstance(item, Mutation)]


def _made(mutation: Mutation, configs: Mapping[str, Any]) -> Any:
    fault = mutation.arguments.fault()
    if fault:
        raise UsageError(f"@{mutation.name}: {fault}")
    return mutation.arguments.resolved(configs).make()
