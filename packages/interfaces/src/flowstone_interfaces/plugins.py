"""Plugins, by entry point: found by name, loaded when needed, never in the way.

Looking up a name imports nothing but the plugin asked for; a broken plugin is one
error for whoever asks for it and nobody else.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

from flowstone_interfaces.errors import FlowstoneError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


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


def installed_plugins(group: str) -> "dict[str, EntryPoint]":
    """Every plugin of the group by name, none of them loaded.

    Of two packages that offer one name, the first on `sys.path` counts, as for imports.
    """
    if not _is_mentioned(group):
        return {}
    from importlib.metadata import entry_points

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


def _is_mentioned(group: str) -> bool:
    """False if surely no installed package offers anything in the group.

    Most groups are nobody's, on most machines. To import `importlib.metadata` costs 20 to 40 ms, and to have it
    look 5 ms for a hundred packages; the texts that it would look at are searched in one.
    """
    if any(hasattr(finder, "find_distributions") and not _finds_in_folders(finder) for finder in sys.meta_path):
        return True  # somebody keeps packages elsewhere
    heading = f"[{group}]".encode()
    return any(_mentions(entry or os.curdir, heading) for entry in sys.path)


def _finds_in_folders(finder: object) -> bool:
    return getattr(finder, "__module__", "") == "_frozen_importlib_external"


def _mentions(entry: str, heading: bytes) -> bool:
    if entry.endswith(".egg"):
        return True
    try:
        names = os.listdir(entry)  # noqa: PTH208 - speed
    except NotADirectoryError:  # an archive
        return True
    except OSError:
        return False
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(os.path.join(entry, name, "entry_points.txt"), "rb") as file:  # noqa: PTH118, PTH123 - speed
                    if heading in file.read():
                        return True
            except OSError:
                continue
    return False
