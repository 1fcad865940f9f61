"""Read the configs of a flow: from the command line, the environment, or their defaults."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from flowstone_interfaces import FlowstoneError
from flowstone_runtime.configs.config import Config, attribute_of, config_named, configs_of, declaration_of
from flowstone_runtime.configs.config_value import ConfigValue
from flowstone_runtime.configs.named_function import named_function
from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.context import ParameterContext, computed_default
from flowstone_runtime.parameters.default_file import find_file

if TYPE_CHECKING:
    from flowstone_datastore import Datastore, RunStarted

PATHS_VARIABLE = "FLOWSTONE_FLOW_CONFIG"
VALUES_VARIABLE = "FLOWSTONE_FLOW_CONFIG_VALUE"


@attrs.frozen
class _Given:
    """A config's content, and where it came from."""

    place: str
    """The option, variable or default, for people."""
    path: Path | None = None
    value: Any = None


def load_configs(
    flow: type,
    given_paths: Mapping[str, str],
    given_values: Mapping[str, Any],
    environ: Mapping[str, str],
    folder: Path,
) -> dict[str, Any]:
    """Attribute to value of every config of the flow; `None` for one that nobody gives.

    `given_paths` and `given_values` are those of the command line, by config name; they come before the
    variables, and those before the defaults. `folder` is that of the flow's file.

    Raises:
        UsageError: a config is not there, cannot be read, or is given twice; or there is none of a name.
    """
    configs = configs_of(flow)
    by_path = _by_config(flow, configs, given_paths, "--config")
    by_value = _by_config(flow, configs, given_values, "--config-value")
    for name in by_path.keys() & by_value.keys():
        raise UsageError(f"the config {name!r} is given by --config and by --config-value; drop one of the two")
    path_table = _by_config(flow, configs, _variable(environ, PATHS_VARIABLE), PATHS_VARIABLE)
    value_table = _by_config(flow, configs, _variable(environ, VALUES_VARIABLE), VALUES_VARIABLE)
    loaded: dict[str, Any] = {}
    for config in configs:
        name = declaration_of(config).name
        if name in by_path:
            given: _Given | None = _Given(f"--config {name}", _file(f"--config {name}", by_path[name], None))
        elif name in by_value:
            given = _Given(f"--config-value {name}", value=by_value[name])
        elif name in value_table:
            given = _Given(VALUES_VARIABLE, value=value_table[name])
        elif name in path_table:
            given = _Given(PATHS_VARIABLE, _file(PATHS_VARIABLE, path_table[name], None))
        else:
            given = _default(flow, config, loaded, environ, folder)
        loaded[attribute_of(config)] = None if given is None else _value(config, given)
    return loaded


def stored_configs(flow: type, datastore: "Datastore", run: "RunStarted") -> dict[str, Any]:
    """The configs that a run was started with, attribute to value; a config that is newer than it is left out."""
    attributes = [attribute_of(config) for config in configs_of(flow)]
    return {name: datastore.artifacts.load(run.constants[name]) for name in attributes if name in run.constants}


def _by_config(flow: type, configs: tuple[Config, ...], given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The same by the names as they are declared."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        config = config_named(configs, name)
        if config is None:
            known = ", ".join(declaration_of(known).name for known in configs) or "none"
            raise UsageError(f"{place}: {flow.__name__} has no config {name!r}; its configs: {known}")
        found[declaration_of(config).name] = value
    return found


def _variable(environ: Mapping[str, str], name: str) -> Mapping[str, Any]:
    text = environ.get(name)
    if not text:
        return {}
    try:
        table = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the variable {name} is not JSON: {error}; it maps config names to values") from error
    if not isinstance(table, dict):
        raise UsageError(f"the variable {name} is {text!r}; it must be a JSON mapping of config names to values")
    return {config: value for config, value in table.items() if value is not None}


def _default(
    flow: type, config: Config, loaded: Mapping[str, Any], environ: Mapping[str, str], folder: Path
) -> _Given | None:
    declaration = declaration_of(config)
    place = f"{flow.__name__}: Config({declaration.name!r})"

    def computed(value: Any) -> Any:
        if not callable(value):
            return value
        import getpass

        context = ParameterContext(
            flow_name=flow.__name__,
            user_name=environ.get("FLOWSTONE_USER") or getpass.getuser(),
            parameter_name=declaration.name,
            configs=dict(loaded),
            logger=_say,
            ds_type="local",
        )
        return computed_default(value, context, flow.__name__, "Config")

    value = computed(declaration.default_value)
    if value is not None:
        return _Given(f"the default_value of {place}", value=value)
    path = computed(declaration.default)
    if path is not None:
        return _Given(f"the default of {place}", _file(f"the default of {place}", path, folder))
    if declaration.required:
        name = declaration.name
        raise UsageError(
            f"the config {name!r} is required; give --config {name} PATH or --config-value {name} VALUE "
            "before the command"
        )
    return None


def _file(place: str, path: Any, folder: Path | None) -> Path:
    if not isinstance(path, str | Path):
        raise UsageError(f"{place} is {path!r}, no path of a file; give a text")
    found = find_file(Path(path), folder)
    if not found.exists():
        also = f", nor in {folder}" if folder and not Path(path).is_absolute() else ""
        raise UsageError(f"{place}: there is no file {path}{also}; make it, or name another")
    return found


def _value(config: Config, given: _Given) -> Any:
    declaration = declaration_of(config)
    place = given.place if given.path is None else f"{given.place}: {given.path}"
    content = given.value if given.path is None else _read(place, given.path)
    value = _parsed(config, content, given.path, place) if isinstance(content, str) else content
    if declaration.plain:
        return value
    if not isinstance(value, Mapping):
        raise UsageError(
            f"{place}: it gives a {type(value).__name__} and no mapping; correct it, or declare the config with "
            "plain=True"
        )
    return ConfigValue(value, attribute_of(config))


def _read(place: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}; name a file that can") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{place} is no UTF-8 text, from byte {error.start} on; save it as UTF-8") from error


def _parsed(config: Config, content: str, path: Path | None, place: str) -> Any:
    parser = declaration_of(config).parser
    suffix = path.suffix.lower() if path else ""
    try:
        if parser is not None:
            return named_function(parser)(content)
        if suffix == ".toml":
            from flowstone_interfaces import toml

            return toml.loads(content)
        if suffix in {".yaml", ".yml"}:
            from flowstone_runtime.configs.yaml_parsing import yaml_parser

            return yaml_parser(content)
        return json.loads(content)
    except FlowstoneError as error:
        raise UsageError(f"{place}: {error}") from error
    except Exception as error:
        if parser is None:
            form = "TOML" if suffix == ".toml" else "JSON"
            raise UsageError(f"{place} is no {form}: {error}; correct it, or give the config a parser") from error
        raise UsageError(f"{place}: the parser fails: {type(error).__name__}: {error}") from error


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
