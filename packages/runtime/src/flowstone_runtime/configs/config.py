"""Settings of a flow from a file, read before anything else: `cfg = Config("cfg", default="cfg.json")`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from flowstone_runtime.configs.expressions import DelayedValue, is_delayed, resolve
from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError
from flowstone_runtime.user_decorators.mutation import mutate_early

Parser = Callable[[str], Any]


@attrs.frozen
class ConfigDeclaration:
    """What was written in `Config(...)`."""

    name: str
    default: Any
    default_value: Any
    help: str | None
    required: bool
    parser: Parser | str | None
    plain: bool
    show_default: bool

    @property
    def fault(self) -> str | None:
        """What is wrong with it and what to do, if anything is."""
        if not self.name.replace("-", "_").isidentifier():
            return "a config's name is letters, digits, '_' and '-'; rename it"
        has_default = self.default is not None or self.default_value is not None
        if self.default is not None and self.default_value is not None:
            return "it has both default, a file, and default_value; drop one of the two"
        if self.required and has_default:
            return "a required config has no default; drop one of the two"
        return None


class Config(DelayedValue):
    """A file of settings whose values the class body may use already, in decorators and defaults.

    In steps, `self.cfg` is a `ConfigValue`: a read-only mapping whose keys are attributes too.
    In the class body, `cfg.key` stands for the value to come.

    Args:
        name: what `--config NAME PATH` and `--config-value NAME VALUE` call it.
        default: path of the file if none is given: from the working folder, else from that of
            the flow's file; or a function that gives one.
        default_value: the content itself, a mapping or a text to parse; or a function that gives one.
        help: one sentence on what it is.
        required: refuse to start without it.
        parser: a function from the text to a mapping, or its name, `"module.function"`. Without one,
            files are TOML or YAML if their names end so, else JSON.
        plain: the parsed value may be anything, and is given as it is.
        show_default: show the default in the help.
    """

    def __init__(
        self,
        name: str,
        default: str | Callable[..., str] | None = None,
        default_value: Any = None,
        help: str | None = None,  # noqa: A002 - the name users know
        required: bool | None = None,
        parser: Parser | str | None = None,
        plain: bool = False,
        show_default: bool = True,
    ) -> None:
        # All in one private attribute: every public name is a key of the config.
        self._declaration = ConfigDeclaration(
            name, default, default_value, help, bool(required), parser, plain, show_default
        )
        self._attribute = name

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, flow: Any, owner: type) -> Any:
        if flow is None:
            return self
        return flow._context(f"self.{self._attribute}").parameter(self._attribute)  # noqa: SLF001 - two halves

    def __set__(self, flow: Any, value: Any) -> None:
        raise ReadOnlyAttributeError(type(flow).__name__, self._attribute, "config")

    def _text(self) -> str:
        return self._attribute

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        if self._attribute not in configs:
            raise UsageError(f"the config {self._declaration.name!r} has not been read; is it one of this flow?")
        return configs[self._attribute]


def declaration_of(config: Config) -> ConfigDeclaration:
    """What was written in `Config(...)`."""
    return config._declaration  # noqa: SLF001 - private only because public names are keys


def attribute_of(config: Config) -> str:
    """The attribute of the flow that the config is assigned to."""
    return config._attribute  # noqa: SLF001 - private only because public names are keys


def configs_of(flow: type) -> tuple[Config, ...]:
    """The configs of a flow class, inherited ones first, in order of declaration.

    Raises:
        UsageError: one cannot work, or two have the same name.
    """
    found: dict[str, Config] = {}
    for base in reversed(flow.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(value, Config):
                found[attribute] = value
            else:
                found.pop(attribute, None)
    names: dict[str, str] = {}
    for attribute, config in found.items():
        declaration = declaration_of(config)
        if declaration.fault:
            raise UsageError(f"{flow.__name__}: Config({declaration.name!r}): {declaration.fault}")
        name = _folded(declaration.name)
        if name in names:
            raise UsageError(
                f"{flow.__name__}: the configs {names[name]!r} and {attribute!r} both have the name "
                f"{declaration.name!r}; rename one"
            )
        names[name] = attribute
    return tuple(found.values())


def config_named(configs: tuple[Config, ...], name: str) -> Config | None:
    """The config that a person calls `name`; capitals do not matter, nor does `-` for `_`."""
    return next((config for config in configs if _folded(declaration_of(config).name) == _folded(name)), None)


def bind_configs(flow: type, values: Mapping[str, Any]) -> None:
    """From now on in this process, these are the flow's configs: attribute to value.

    Class attributes that a config gives (`workers = cfg.workers`) get their values, and mutators change the class.

    Raises:
        UsageError: such an attribute asks for what the configs do not have.
    """
    bound: dict[str, Any] = dict(values)
    delayed = {name: value for name, value in _data_of(flow).items() if bound and is_delayed(value)}
    delayed |= vars(flow).get("_flowstone_delayed", {})  # as they were written, if this is not the first time
    for name, value in delayed.items():
        setattr(flow, name, resolve(value, bound))
    flow._flowstone_delayed = delayed  # type: ignore[attr-defined]  # noqa: SLF001 - its slot
    flow._flowstone_configs = MappingProxyType(bound)  # type: ignore[attr-defined]  # noqa: SLF001 - its slot
    mutate_early(flow, bound)


def bound_configs(flow: type) -> Mapping[str, Any]:
    """The flow's configs by attribute; empty before they are read."""
    configs: Mapping[str, Any] = getattr(flow, "_flowstone_configs", {})
    return configs


def has_bound_configs(flow: type) -> bool:
    """True once the flow's configs are read, be there any or not."""
    return "_flowstone_configs" in vars(flow)


def _data_of(flow: type) -> dict[str, Any]:
    """The class attributes that may be data, and no configs."""
    found = {name: value for base in reversed(flow.__mro__) for name, value in vars(base).items()}
    return {name: value for name, value in found.items() if name[0] != "_" and not isinstance(value, Config)}


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
