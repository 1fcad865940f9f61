"""Plugins, by entry point: found by name, loaded when needed, never in the way.

Looking up a name imports nothing but the plugin asked for; a broken plugin is one
error for whoever asks for it and nobody else.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from flowstone_interfaces.errors import FlowstoneError


class PluginNotFoundError(FlowstoneError, LookupError):
    """No installed package offers this name in this group."""

    def __init__(self, group: str, name: str, installed: tuple[str, ...]) -> None:
        super().__init__(group, name, installed)
        self.group = group
        self.name = name
        self.installed = installed

    def __str__(self) -> str:
        known = ", ".join(self.installed) or "none"
        return f"no plugin {self.name!r} in {self.group}; installed: {known}; install the package that offers it"


class BrokenPluginError(FlowstoneError, ImportError):
    """A plugin is installed but cannot be imported."""

    def __init__(self, group: str, name: str, target: str, cause: str) -> None:
        super().__init__(group, name, target, cause)
        self.group = group
        self.plugin_name = name
        self.target = target
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"the plugin {self.plugin_name!r} of {self.group} ({self.target}) cannot be loaded: {self.cause}; "
            "repair or uninstall its package"
        )


def installed_plugins(group: str) -> dict[str, EntryPoint]:
    """Every plugin of the group by name, none of them loaded.

    Of two packages that offer one name, the first on `sys.path` counts, as for imports.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, point)
    return found


def load_plugin(group: str, name: str) -> Any:
    """Import and return the object that `name` stands for in `group`.

    Raises:
        PluginNotFoundError: no installed package offers it.
        BrokenPluginError: its import fails; the cause is chained.
    """
    plugins = installed_plugins(group)
    point = plugins.get(name)
    if point is None:
        raise PluginNotFoundError(group, name, tuple(sorted(plugins)))
    try:
        return point.load()
    except Exception as error:
        raise BrokenPluginError(group, name, point.value, f"{type(error).__name__}: {error}") from error
