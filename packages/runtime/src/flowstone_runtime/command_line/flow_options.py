"""The options of a flow's command line that its decorators take: `--branch` of `@project`."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from flowstone_runtime.decorators.declared import DecoratorUse
from flowstone_runtime.decorators.flow_decorator import FlowOption, flow_decorator_uses
from flowstone_runtime.errors import UsageError
from flowstone_runtime.user_decorators.mutators import flow_mutations

_PREFIX = "flowstone_decorator_"
"""Of the names that the options have in Python."""


def flow_decorator_options(flow: type) -> list[click.Option]:
    """An option for each that a decorator of the flow takes."""
    kinds = [use.kind if isinstance(use, DecoratorUse) else type(use) for use in flow_decorator_uses(flow)]
    taken = {option.name: option for kind in kinds for option in kind.takes}
    known = _known_options() if flow_mutations(flow) else {}
    hidden = [option for name, option in known.items() if name not in taken]
    return [
        *(_option(option) for option in taken.values()),
        *(_option(option, is_hidden=True) for option in hidden),
    ]


def check_flow_options(decorators: Iterable[Any], given: Mapping[str, Any]) -> None:
    """Refuse options that none of the flow's decorators takes, now that mutators have added theirs.

    Raises:
        UsageError: there is such an option.
    """
    taken = {_field(option) for each in decorators for option in each.takes}
    for name, value in given.items():
        if value and name not in taken:
            option = name.replace("_", "-")
            raise UsageError(
                f"no decorator of the flow takes --{option}; leave it out, or add the decorator that does"
            )


def given_flow_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are of such options, by the option's name."""
    return {name.removeprefix(_PREFIX): value for name, value in values.items() if name.startswith(_PREFIX)}


def _known_options() -> dict[str, FlowOption]:
    """Those of our own decorators: a mutator may add one when the command line is read already."""
    from flowstone_runtime.decorators.project import Project
    from flowstone_runtime.decorators.trigger import Trigger, TriggerOnFinish

    kinds = (Project, Trigger, TriggerOnFinish)
    return {option.name: option for kind in kinds for option in kind.takes}


def _option(option: FlowOption, *, is_hidden: bool = False) -> click.Option:
    words = [f"--{option.name}", f"{_PREFIX}{_field(option)}"]
    return click.Option(
        words, help=option.help, is_flag=option.is_flag, multiple=option.may_repeat, hidden=is_hidden
    )


def _field(option: FlowOption) -> str:
    return option.name.replace("-", "_")
