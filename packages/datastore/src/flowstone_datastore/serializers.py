"""Which plugin stores, loads or exports a value: built in, or installed.

Types are known by name, so that nobody imports pandas to learn that a value is no frame.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from flowstone_datastore.artifact import PICKLE_5, is_encoding
from flowstone_datastore.serializer import Claims, Exporter, Serializer
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PLUGIN_GROUP = "flowstone.serializers"
"""Entry points of this group map the name of an encoding to a `Serializer`, or any name to an `Exporter`."""

_BUILT_IN = {
    "arrow": "flowstone_datastore.arrow_export:ArrowExporter",
    "npy": "flowstone_datastore.npy_export:NpyExporter",
    "plain": "flowstone_datastore.plain_export:PlainExporter",
}
_NEVER_CLAIMED = sys.stdlib_module_names | {"__main__"}

_Plugin = TypeVar("_Plugin")


class InvalidSerializerError(FlowstoneError, TypeError):
    """A plugin that is no serializer."""

    def __init__(self, plugin_name: str, detail: str) -> None:
        super().__init__(plugin_name, detail)
        self.plugin_name = plugin_name
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"the plugin {self.plugin_name!r} of {PLUGIN_GROUP} cannot be used: {self.detail}; "
            "repair or uninstall its package (flowstone_datastore.testing.SerializerContract tests one)"
        )


class Serializers:
    """Some plugins by name; those that are installed, unless others are given. May be used from any thread.

    Nothing is looked for before a value of a type that can be claimed is there, and then once.
    """

    def __init__(self, plugins: Mapping[str, Any] | None = None) -> None:
        self._given = plugins

    def find(self) -> None:
        """Look for them now, and import them: processes that are forked later need not."""
        _ = self._serializers

    def of(self, value: Any) -> tuple[str, Serializer] | None:
        """The serializer that claims a value, and its encoding; `None` leaves it to pickle."""
        kind = type(value)
        if kind.__module__ == "builtins" or not _can_be_claimed(kind):
            return None
        return _first(self._serializers, kind) if self._serializers else None

    def named(self, encoding: str) -> Serializer:
        """The serializer of an encoding; no other is loaded.

        Raises:
            PluginNotFoundError: there is none.
            BrokenPluginError: it cannot be imported.
            InvalidSerializerError: it is none.
        """
        from flowstone_interfaces.plugins import PluginNotFoundError, load_plugin

        if self._given is None:
            plugin = load_plugin(PLUGIN_GROUP, encoding)
        elif encoding in self._given:
            plugin = self._given[encoding]
        else:
            raise PluginNotFoundError(PLUGIN_GROUP, encoding, tuple(sorted(self._given)))
        plugin = _checked(encoding, plugin)
        if not isinstance(plugin, Serializer):
            raise InvalidSerializerError(encoding, "it has no load and dump")
        return plugin

    def exporter_of(self, value: Any) -> Exporter | None:
        """The exporter that claims a value; `None` if nobody does."""
        found = _first(self._exporters, type(value))
        return None if found is None else found[1]

    @cached_property
    def _plugins(self) -> dict[str, Claims]:
        """Every plugin that can be used, by name; one warning for each that cannot."""
        return dict(_usable(_installed() if self._given is None else self._given))

    @cached_property
    def _serializers(self) -> dict[str, tuple[str, Serializer]]:
        """By the name of the type that they claim."""
        claims: dict[str, tuple[str, Serializer]] = {}
        for name, plugin in sorted(self._plugins.items()):
            if isinstance(plugin, Serializer):
                for kind in plugin.types:
                    claims.setdefault(kind, (name, plugin))
        return claims

    @cached_property
    def _exporters(self) -> dict[str, tuple[str, Exporter]]:
        """By the name of the type that they claim; what is built in comes last."""
        claims: dict[str, tuple[str, Exporter]] = {}
        for name, plugin in (*sorted(self._plugins.items()), *_built_in()):
            if isinstance(plugin, Exporter):
                for kind in plugin.types:
                    claims.setdefault(kind, (name, plugin))
        return claims


@cache
def installed_serializers() -> Serializers:
    """Those that are installed: one look for all stores of a process."""
    return Serializers()


def _can_be_claimed(kind: type) -> bool:
    return any(base.__module__.partition(".")[0] not in _NEVER_CLAIMED for base in kind.__mro__)


def _first(claims: Mapping[str, _Plugin], kind: type) -> _Plugin | None:
    for base in kind.__mro__:
        found = claims.get(f"{base.__module__}.{base.__qualname__}")
        if found is not None:
            return found
    return None


def _installed() -> Mapping[str, Any]:
    from flowstone_interfaces.plugins import installed_plugins

    return installed_plugins(PLUGIN_GROUP)


def _checked(name: str, plugin: Any) -> Claims:
    """What a plugin stands for, imported if it is an entry point.

    Raises:
        BrokenPluginError: it cannot be imported.
        InvalidSerializerError: it is no serializer.
    """
    if not is_encoding(name) or name == PICKLE_5:
        raise InvalidSerializerError(name, "its name is taken, or not of lowercase letters, digits, '.' and '-'")
    if hasattr(plugin, "load") and hasattr(plugin, "group"):
        plugin = _loaded(plugin)
    try:
        made = plugin() if isinstance(plugin, type) else plugin
        types = made.types
    except Exception as error:
        raise InvalidSerializerError(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(types, list | tuple | set | frozenset) or not all(isinstance(kind, str) for kind in types):
        raise InvalidSerializerError(name, f"its types are {types!r:.80}, not names of types")
    if not isinstance(made, Serializer) and not isinstance(made, Exporter):
        raise InvalidSerializerError(name, "it has neither load and dump nor export")
    claims: Claims = made
    return claims


def _loaded(point: "EntryPoint") -> Any:
    from flowstone_interfaces.plugins import BrokenPluginError

    try:
        return point.load()
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise BrokenPluginError(point.group, point.name, point.value, cause) from error


def _usable(plugins: Mapping[str, Any]) -> Iterator[tuple[str, Claims]]:
    for name, plugin in plugins.items():
        try:
            yield name, _checked(name, plugin)
        except FlowstoneError as error:
            import logging  # 4 ms, for what hardly ever happens

            logging.getLogger(__name__).warning("%s", error)


def _built_in() -> Iterator[tuple[str, Exporter]]:
    for name, target in _BUILT_IN.items():
        module, _, kind = target.partition(":")
        yield name, getattr(import_module(module), kind)()
