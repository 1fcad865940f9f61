"""The parameters that started an execution, checked as the command line checks them."""

import json
from collections.abc import Mapping
from typing import Any

import click

from flowstone_client.settings import Settings
from flowstone_datastore import Artifact, ArtifactStore
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.parameters.command import CommandWithParameters, options_without_defaults
from flowstone_runtime.parameters.included_content import save_value
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.programs.option_words import command_words

STORED = "stored"
"""A value `{STORED: artifact}` is in the store already: the content of a file."""


def parameters_of_input(text: str) -> dict[str, Any]:
    """Name to value of what an execution was started with: `{"parameters": {"alpha": 0.2}}`; all else is left out.

    Raises:
        UsageError: it is not JSON, or no such mapping.
    """
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(f"the input of the execution is not JSON: {error}") from error
    parameters = given.get("parameters", {}) if isinstance(given, dict) else None
    if not isinstance(parameters, dict):
        raise UsageError('the input of the execution must be {"parameters": {name: value}}')
    return parameters


def given_artifacts(
    flow: type[FlowSpec], given: Mapping[str, Any], settings: Settings, store: ArtifactStore
) -> dict[str, Artifact]:
    """Attribute to stored value, of what is given only; files may be stored before.

    Raises:
        UsageError: a value is none of its parameter's type, or there is no such parameter.
    """
    attributes = {parameter.name: parameter.attribute for parameter in parameters_of(flow)}
    stored = {name: value[STORED] for name, value in given.items() if _is_stored(value)}
    others = {name: value for name, value in given.items() if name not in stored}
    values = typed_values(flow, others, settings)
    return {
        **{name: save_value(store, value) for name, value in values.items()},
        **{attributes[name]: Artifact.from_json(raw) for name, raw in stored.items() if name in attributes},
    }


def _is_stored(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {STORED}


def typed_values(flow: type[FlowSpec], given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Attribute to value, converted to the parameters' types; of what is given only.

    Raises:
        UsageError: a value is none of its parameter's type, or there is no such parameter.
    """
    parameters = parameters_of(flow)
    options = options_without_defaults(flow, parameters)
    several = {option.name for option in options if option.multiple}
    attributes = {parameter.name: parameter.attribute for parameter in parameters}
    words = {
        name: tuple(value) if isinstance(value, list) and attributes.get(name) in several else value
        for name, value in given.items()
    }
    command = CommandWithParameters("trigger", options, params=[])
    context = CommandContext(flow, settings, is_quiet=True, is_terminal=False)
    try:
        ctx = command.make_context("trigger", command_words(words), obj=context)
    except click.ClickException as error:
        raise UsageError(
            f"{flow.__name__}: {error.format_message().rstrip('.')}; correct the parameters"
        ) from error
    return {
        name: value
        for name, value in ctx.params.items()
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
