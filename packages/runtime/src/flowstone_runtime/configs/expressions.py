"""Values that are known once the configs are read: `cfg.cpu` and `config_expr("cfg.cpu * 2")` in a class body.

A flow's class is made before its command line is read. What a decorator or a parameter
takes from a config is therefore a `DelayedValue` at first; `resolve` puts the value in its place.
"""

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from flowstone_interfaces import FlowstoneError
from flowstone_runtime.errors import UsageError

_NO_DEFAULT: Any = object()
_UNPACKED = "_flowstone_unpacked_"


class DelayedValue:
    """A value that the configs will give; `cfg.a.b` and `cfg["a"]` of one are delayed values too."""

    def __getattr__(self, name: str) -> "DelayedValue":
        if name.startswith("_"):  # what Python and libraries look for, not a key
            raise AttributeError(name)
        return _Item(self, name)

    def __getitem__(self, key: Any) -> "DelayedValue":
        return self if isinstance(key, str) and key.startswith(_UNPACKED) else _Item(self, key)

    def keys(self) -> tuple[str, ...]:
        """What `**cfg.options` asks for: one key that stands for all, until `resolve` puts them in its place."""
        return (f"{_UNPACKED}{id(self)}",)

    def get(self, key: Any, default: Any = None) -> "DelayedValue":
        """The value of the key; `default` if the config has no such key."""
        return _Item(self, key, default)

    def __repr__(self) -> str:
        return self._text()

    def __bool__(self) -> bool:
        raise self._early()

    def __iter__(self) -> NoReturn:
        raise self._early()

    def __str__(self) -> str:
        raise self._early()

    def __format__(self, _spec: str) -> str:
        raise self._early()

    def _early(self) -> UsageError:
        return UsageError(
            f"{self._text()} has no value yet while the class is made; "
            'pass it on as it is, or compute with it in config_expr("...")'
        )

    def _text(self) -> str:
        raise NotImplementedError

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        raise NotImplementedError


class _Item(DelayedValue):
    """A key of a config, or of something in it."""

    def __init__(self, owner: DelayedValue, key: Any, default: Any = _NO_DEFAULT) -> None:
        self._owner = owner
        self._key = key
        self._default = default

    def _text(self) -> str:
        if isinstance(self._key, str) and self._key.isidentifier():
            return f"{self._owner._text()}.{self._key}"  # noqa: SLF001 - one family
        return f"{self._owner._text()}[{self._key!r}]"  # noqa: SLF001 - one family

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        owner = self._owner._resolve(configs)  # noqa: SLF001 - one family
        try:
            return owner[self._key]
        except (LookupError, TypeError) as error:
            if self._default is not _NO_DEFAULT:
                return resolve(self._default, configs)
            if owner is None:
                advice = "it is None; give the config a value"
            elif isinstance(error, FlowstoneError):
                advice = str(error)
            else:
                advice = f"{self._owner._text()} is {owner!r}; correct the config or the name"  # noqa: SLF001
            raise UsageError(f"{self._text()} cannot be read: {advice}") from error


class _Expression(DelayedValue):
    """A Python expression over configs."""

    def __init__(self, expression: str, names: Mapping[str, Any]) -> None:
        self._expression = expression
        self._names = names

    def _text(self) -> str:
        return f"config_expr({self._expression!r})"

    def _resolve(self, configs: Mapping[str, Any]) -> Any:
        names = {**self._names, **configs}
        try:
            return eval(self._expression, names)  # noqa: S307 - the user's own code, written in the flow
        except Exception as error:
            raise UsageError(
                f"{self._text()} fails: {type(error).__name__}: {error}; correct the expression or the config"
                f" (configs: {', '.join(configs) or 'none'})"
            ) from error


def config_expr(expression: str) -> DelayedValue:
    """What a Python expression over the flow's configs will give: `config_expr("cfg.retries + 1")`.

    It may use the configs, by the names of their attributes, and what the calling module knows.
    """
    return _Expression(expression, sys._getframe(1).f_globals)  # noqa: SLF001 - where it was written


def is_delayed(value: Any) -> bool:
    """True for a delayed value, a config, and a list, tuple or dict that holds one."""
    if isinstance(value, DelayedValue):
        return True
    if isinstance(value, dict):
        return any(map(is_delayed, value.values()))
    return isinstance(value, list | tuple) and any(map(is_delayed, value))


def resolve(value: Any, configs: Mapping[str, Any]) -> Any:
    """The value, with everything delayed in it replaced; `configs` maps names of attributes to values.

    Of a dict made with `**cfg.options`, the keys of that mapping take their places.

    Raises:
        UsageError: a config has no such key, or an expression fails.
    """
    if not is_delayed(value):
        return value
    if isinstance(value, DelayedValue):
        return value._resolve(configs)  # noqa: SLF001 - one family
    if isinstance(value, dict):
        return _resolved_dict(value, configs)
    items = [resolve(item, configs) for item in value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*items)
    return type(value)(items)


def _resolved_dict(value: Mapping[Any, Any], configs: Mapping[str, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, item in value.items():
        resolved = resolve(item, configs)
        if not (isinstance(key, str) and key.startswith(_UNPACKED)):
            found[key] = resolved
        elif isinstance(resolved, Mapping):
            found |= resolved
        else:
            raise UsageError(
                f"**{item!r} needs a mapping, and the config has {resolved!r} there; correct the config"
            )
    return found
