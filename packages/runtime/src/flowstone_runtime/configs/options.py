"""The options of a flow's command line that give its configs."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from flowstone_runtime.configs.config import Config, bind_configs, configs_of, declaration_of
from flowstone_runtime.configs.loading import load_configs
from flowstone_runtime.errors import UsageError

_HELP_OPTIONS = {"-h", "--help"}


def config_options(flow: type) -> list[click.Option]:
    """`--config` and `--config-value`; shown in the help of a flow that has configs."""
    try:
        configs = configs_of(flow)
    except UsageError:  # told when they are read; the help is there all the same
        configs = ()
    told = "".join(f" {_describe(config)}" for config in configs)
    return [
        click.Option(
            ["--config", "flowstone_config"],
            nargs=2,
            multiple=True,
            metavar="NAME PATH",
            hidden=not configs,
            help=f"Take a config from a file.{told}",
        ),
        click.Option(
            ["--config-value", "flowstone_config_value"],
            nargs=2,
            multiple=True,
            metavar="NAME VALUE",
            hidden=not configs,
            help="Give a config itself, as JSON or as its parser reads it.",
        ),
    ]


def read_configs(
    flow: type, options: Mapping[str, Any], environ: Mapping[str, str], arguments: Sequence[str]
) -> None:
    """Read the flow's configs and bind them to it; for the help of a command, only if that is possible.

    Raises:
        UsageError: a config is not there, cannot be read, or is given twice.
    """
    paths = _by_name("--config", options.get("flowstone_config", ()))
    values = _by_name("--config-value", options.get("flowstone_config_value", ()))
    folder = Path(inspect.getfile(flow)).resolve().parent
    try:
        bind_configs(flow, load_configs(flow, paths, values, environ, folder))
    except UsageError:
        if not _HELP_OPTIONS & set(arguments):
            raise


def _by_name(option: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise UsageError(f"{option} {name} is given twice; drop one of the two")
        found[name] = value
    return found


def _describe(config: Config) -> str:
    """A config in the help: name, what it is, default."""
    declaration = declaration_of(config)
    notes = [declaration.help.rstrip(".")] if declaration.help else []
    if declaration.required:
        notes.append("required")
    default = declaration.default if declaration.default is not None else declaration.default_value
    if declaration.show_default and default is not None:
        notes.append(f"default: {'computed' if callable(default) else default}")
    return f"{declaration.name}: {'; '.join(notes)}." if notes else f"{declaration.name}."
