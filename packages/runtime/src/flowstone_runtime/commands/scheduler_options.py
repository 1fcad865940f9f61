"""The options of a production scheduler, as options of our commands."""

from collections.abc import Mapping
from typing import Any

import click

from flowstone_client.settings import Settings
from flowstone_interfaces.production_scheduler import ProductionScheduler, SchedulerOption

_PREFIX = "scheduler_"
"""Of the names that they have in Python."""


def scheduler_options(kind: type[ProductionScheduler]) -> list[click.Option]:
    """An option for each."""
    return [
        click.Option(
            [f"--{option.name}", _field(option)],
            type=int if option.is_number else str,
            help=option.help,
            envvar=option.variable,
            show_envvar=True,
        )
        for option in kind.options
    ]


def scheduler_values(
    kind: type[ProductionScheduler], values: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """What was given for them, by name; settings where nothing was."""
    found = {option.name: values[_field(option)] for option in kind.options}
    for option in kind.options:
        if found[option.name] is None and option.setting is not None:
            table, _, name = option.setting.partition(".")
            found[option.name] = settings.executors.get(table, {}).get(name)
    return found


def name_option() -> click.Option:
    """The option that says which deployment is meant."""
    return click.Option(
        ["--name"], help="What the flow is called there; else as it is, with @project its branch's."
    )


def authorize_option() -> click.Option:
    """The option that says that one may change what is deployed."""
    return click.Option(["--authorize"], metavar="TOKEN", help="The token of what somebody else deployed.")


def _field(option: SchedulerOption) -> str:
    return _PREFIX + option.name.replace("-", "_")
