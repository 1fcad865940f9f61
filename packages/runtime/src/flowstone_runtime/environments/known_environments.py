"""The environments of a flow's file or of a run, to be looked at and to be built."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from flowstone_client import Client, Run
from flowstone_client.settings import Settings
from flowstone_datastore import ChunkRef, Datastore
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import load_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.environments.contract import environment_of
from flowstone_runtime.environments.declared import environment_requests
from flowstone_runtime.environments.platforms import this_platform
from flowstone_runtime.environments.preparation import Preparation, by_request
from flowstone_runtime.environments.request import EnvironmentRequest, Lock, Package, environment_key
from flowstone_runtime.errors import UsageError
from flowstone_runtime.worker import start_flow_file


@attrs.frozen
class KnownEnvironment:
    """An environment, and whose it is."""

    steps: tuple[str, ...]
    lock: Lock
    stored: Mapping[str, ChunkRef] = attrs.field(factory=dict, hash=False)
    """The packages that the store has, by their SHA-256."""

    @property
    def name(self) -> str:
        """The steps, for people and for names of files."""
        return "-".join(self.steps)

    def packages(self, platform: str) -> tuple[Package, ...]:
        """What is installed there, by name."""
        found = environment_of(self.lock.request.kind).packages(self.lock, platform)
        return tuple(sorted(found, key=lambda each: each.name))

    def key(self, platform: str) -> str:
        """The key of the environment there."""
        return environment_key(platform, self.lock.python, self.packages(platform))


@attrs.frozen
class Workplace:
    """Where environments are looked for: settings, store, and what tools see of the environment variables."""

    settings: Settings
    datastore: Datastore
    environ: Mapping[str, str]

    def of(
        self, target: str, platforms: Iterable[str] = (), *, is_anew: bool = False
    ) -> tuple[KnownEnvironment, ...]:
        """The environments of `flow.py` or of `Flow/run`, locked for these platforms; else for this one.

        Raises:
            UsageError: there is no such file, or it starts no flow.
            NotFoundError: there is no such run.
            EnvironmentNotLockedError: there is no lock yet, and none could be made.
        """
        if not target.endswith(".py"):
            return tuple(self._of_run(target))
        return tuple(self._of_flow(Path(target), [*platforms] or [this_platform()], is_anew=is_anew))

    def build(self, environment: KnownEnvironment) -> Path:
        """The folder of the environment, built on this machine."""
        return self._preparation().build(environment.lock, environment.steps, environment.stored)[1]

    def _of_run(self, pathspec: str) -> Iterator[KnownEnvironment]:
        run = Run(pathspec, client=Client(self.settings.store))
        for record in run.summary.started.environments:
            data = self.datastore.chunks.get(record.lock.address, size=record.lock.size, artifact="a lock")
            yield KnownEnvironment(record.steps, Lock.from_text(bytes(data)), record.packages)

    def _of_flow(self, file: Path, platforms: list[str], *, is_anew: bool) -> Iterator[KnownEnvironment]:
        for request, steps in by_request(self._requests(file)).items():
            lock, stored = self._preparation().lock(request, platforms, is_anew=is_anew)
            yield KnownEnvironment(steps, lock, stored)

    def _requests(self, file: Path) -> dict[str, EnvironmentRequest]:
        if not file.is_file():
            raise UsageError(f"there is no file {file}; name the file of a flow, or Flow/run")
        flow = start_flow_file(file.absolute(), None)
        if flow is None:
            raise UsageError(f"{file} does not start a flow; name the file that you run")
        bind_configs(flow, load_configs(flow, {}, {}, self.environ, file.resolve().parent))
        return environment_requests(declared_graph(flow, (), bound_configs(flow)), self.settings.store)

    def _preparation(self) -> Preparation:
        folder = self.settings.environments_folder
        if not folder:
            raise UsageError("environments are built in the cache folder, and there is none; set cache_folder")
        return Preparation(Path(folder), self.datastore, self.environ)
