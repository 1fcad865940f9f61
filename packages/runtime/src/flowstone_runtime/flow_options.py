"""The options of a flow's command line that its decorators take: `--branch` of `@project`."""

from collections.abc import Mapping
from typing import Any

import click

from flowstone_runtime.decorators.declared import DecoratorUse
from flowstone_runtime.decorators.flow_decorator import FlowOption, flow_decorator_uses

_PREFIX = "flowstone_decorator_"
"""Of the names that the options have in Python."""


def flow_decorator_options(flow: type) -> list[click.Option]:
    """An option for each that a decorator of the flow takes."""
    kinds = [use.kind if isinstance(use, DecoratorUse) else type(use) for use in flow_decorator_uses(flow)]
    taken = {option.name: option for kind in kinds for option in kind.takes}
    return [_option(option) for option in taken.values()]


def given_flow_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are of such options, by the option's name."""
    return {name.removeprefix(_PREFIX): value for name, value in values.items() if name.startswith(_PREFIX)}


def _option(option: FlowOption) -> click.Option:
    words = [f"--{option.name}", f"{_PREFIX}{option.name.replace('-', '_')}"]
    return click.Option(words, help=option.help, is_flag=option.is_flag)
