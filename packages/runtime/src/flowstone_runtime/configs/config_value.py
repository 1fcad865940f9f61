"""What a config holds: a mapping that nobody changes, read as `cfg.model.alpha` or `cfg["model"]["alpha"]`."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from flowstone_interfaces import FlowstoneError


class MissingConfigKeyError(FlowstoneError, AttributeError, KeyError):
    """A config has no such key; an `AttributeError`, so that `hasattr` answers, and a `KeyError`."""

    def __init__(self, path: str, key: str, known: tuple[str, ...]) -> None:
        super().__init__(path, key, known)
        self.path = path
        self.key = key
        self.known = known

    def __str__(self) -> str:
        known = ", ".join(self.known) or "nothing"
        return f"{self.path} has no key {self.key!r}, it has {known}; add the key to the config, or read another"


class ReadOnlyConfigError(FlowstoneError, TypeError):
    """Somebody tried to change a config."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is a config and cannot be changed; change a copy: {self.path}.to_dict()"


class ConfigValue(dict[str, Any]):
    """A read-only mapping with its keys as attributes, at any depth.

    A key that has the name of a method of mappings (`items`, `get`) is read as `cfg["items"]`.

    >>> ConfigValue({"model": {"alpha": 0.1}}).model.alpha
    0.1
    """

    __slots__ = ("_path",)
    _path: str

    def __init__(self, data: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), path: str = "the config") -> None:
        items = dict(data)
        super().__init__({key: _wrapped(value, f"{path}.{key}") for key, value in items.items()})
        object.__setattr__(self, "_path", path)

    def to_dict(self) -> dict[str, Any]:
        """A copy of plain dicts and lists, the caller's own."""
        return {key: _plain(value) for key, value in self.items()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __missing__(self, key: str) -> NoReturn:
        raise MissingConfigKeyError(self._path, key, tuple(map(str, self)))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self)]

    def __reduce__(self) -> Any:
        return type(self), (self.to_dict(), self._path)

    def __copy__(self) -> "ConfigValue":
        return self

    def copy(self) -> dict[str, Any]:
        """The same as `to_dict`: who copies wants to change."""
        return self.to_dict()

    def _refuse(self, *_arguments: Any, **_fields: Any) -> NoReturn:
        raise ReadOnlyConfigError(self._path)

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = _refuse
    __ior__ = update = pop = popitem = clear = setdefault = _refuse


def _wrapped(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return ConfigValue(value, path)
    if isinstance(value, list | tuple):
        return type(value)([_wrapped(item, f"{path}[{index}]") for index, item in enumerate(value)])
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, ConfigValue):
        return value.to_dict()
    return type(value)([_plain(item) for item in value]) if isinstance(value, list | tuple) else value
