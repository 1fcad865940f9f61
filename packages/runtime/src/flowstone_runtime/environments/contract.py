"""What a kind of environment must be able to do: the entry-point group `flowstone.environments`."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from flowstone_interfaces.plugins import load_plugin
from flowstone_runtime.environments.request import Building, EnvironmentRequest, Lock, Package

ENVIRONMENTS = "flowstone.environments"
"""The entry-point group: name to a class without arguments."""

# Not looked up like the others: reading the entry points of an environment takes milliseconds.
_OWN = {
    "conda": ("flowstone_runtime.environments.conda", "CondaEnvironment"),
    "pypi": ("flowstone_runtime.environments.pypi", "PypiEnvironment"),
}


class Environment(Protocol):
    """Decides on packages once, and installs what was decided as often as it is wanted.

    `environ` is what the tools underneath see of this process's environment variables: indexes, proxies, caches.
    `cache` is a folder of this machine where it may keep what helps it the next time.
    """

    def lock(
        self, request: EnvironmentRequest, platforms: Iterable[str], environ: Mapping[str, str], cache: Path
    ) -> Lock:
        """Choose packages for each platform. May ask an index; equal answers of the index give equal locks.

        Raises:
            EnvironmentNotLockedError: there is no choice that fits, or no index answers.
            NoInterpreterError: the Python of this version is not here, and has to be.
        """
        ...

    def packages(self, lock: Lock, platform: str) -> tuple[Package, ...]:
        """What the lock has for the platform. Pure.

        Raises:
            KeyError: it has nothing for this platform.
            ValueError: it is no such lock.
        """
        ...

    def build(self, work: Building, environ: Mapping[str, str], cache: Path) -> None:
        """Install the packages into a new folder, which is renamed afterwards.

        Asks no index. What else it writes goes beside the new folder, which is deleted.

        Raises:
            EnvironmentNotBuiltError: it could not be done; what is in the folder is deleted.
        """
        ...


def environment_of(kind: str) -> Environment:
    """The environment of this name.

    Raises:
        PluginNotFoundError: there is none.
        BrokenPluginError: it cannot be imported.
    """
    if kind in _OWN:
        module, name = _OWN[kind]
        found: Any = getattr(import_module(module), name)
    else:
        found = load_plugin(ENVIRONMENTS, kind)
    made: Environment = found()
    return made
