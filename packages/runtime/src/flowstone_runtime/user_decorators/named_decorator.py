"""A decorator by what people call it: `retry`, `"retry:times=3"`, `"my.module.deco:level=2"`, a class."""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from flowstone_interfaces.plugins import load_plugin
from flowstone_runtime.command_line.option_text import parse_options
from flowstone_runtime.configs.expressions import is_delayed
from flowstone_runtime.decorators.declared import Declared, DecoratorUse
from flowstone_runtime.decorators.flow_decorator import FlowDecorator
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.arguments import Arguments, WithArguments
from flowstone_runtime.user_decorators.mutators import FlowMutator, Mutation, StepMutator
from flowstone_runtime.user_decorators.user_step import UserCode, UserStepDecorator

DECORATORS = "flowstone.decorators"
"""The entry-point group of decorators that are known by name."""

_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z")


def step_decorator(what: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """A decorator for steps, or a mutator of steps: as the tuple of a step's decorators holds them.

    Raises:
        UsageError: there is none of this name, it decorates no steps, or it does not take these arguments.
    """
    declared, options = _named(what, args, kwargs or {})
    if isinstance(declared, Declared) and issubclass(declared.kind, StepDecorator):
        return _built(declared, args, options)
    if _is_for_flows(declared):
        raise UsageError(f"{_told(what)} changes flows, not steps; write it above the flow")
    arguments = Arguments(declared, tuple(args), options) if _is_users(declared) else None
    if arguments is None or not issubclass(declared, UserStepDecorator | StepMutator):
        raise UsageError(f"{_told(what)} is no decorator of steps; it is {declared!r}")
    fault = arguments.fault()
    if fault:
        raise UsageError(f"@{arguments.name}: {fault}")
    return UserCode(arguments) if issubclass(declared, UserStepDecorator) else Mutation(arguments)


def flow_decorator(what: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
    """A decorator for flows.

    Raises:
        UsageError: there is none of this name, it decorates no flows, or it does not take these arguments.
    """
    declared, options = _named(what, args, kwargs or {})
    if isinstance(declared, Declared) and issubclass(declared.kind, FlowDecorator):
        return _built(declared, args, options)
    raise UsageError(f"{_told(what)} is no decorator of flows; it is {declared!r}")


def _named(what: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The decorator, and its options."""
    if not isinstance(what, str):
        return what, dict(kwargs)
    name, _, text = what.partition(":")
    if text and (args or kwargs):
        raise UsageError(f"the decorator {what} is given options twice; give them in one of the two ways")
    if not _NAME.match(name):
        raise UsageError(f"{name!r} is no name of a decorator; write retry:times=3")
    declared = _imported(name) if "." in name else load_plugin(DECORATORS, name)
    return declared, parse_options(text) if text else dict(kwargs)


def _imported(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{path} cannot be imported: {error}") from error


def _built(declared: Declared[Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
    if args:
        raise UsageError(f"@{declared.kind.name} takes options by name only, not {args!r}")
    return DecoratorUse(declared.kind, options) if is_delayed(options) else declared.build(options)


def _is_users(declared: Any) -> bool:
    return isinstance(declared, type) and issubclass(declared, WithArguments)


def _is_for_flows(declared: Any) -> bool:
    if isinstance(declared, Declared):
        return issubclass(declared.kind, FlowDecorator)
    return isinstance(declared, type) and issubclass(declared, FlowMutator)


def _told(what: Any) -> str:
    return what.partition(":")[0] if isinstance(what, str) else repr(what)
