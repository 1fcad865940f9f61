"""Before a run begins: have a lock for each environment that its steps declare, and have it built here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from flowstone_datastore import ChunkRef, Datastore, LockedEnvironment
from flowstone_runtime.environments.contract import environment_of
from flowstone_runtime.environments.lock_memory import LockMemory
from flowstone_runtime.environments.own_code import own_code_folder
from flowstone_runtime.environments.package_files import PackageFiles
from flowstone_runtime.environments.platforms import this_platform
from flowstone_runtime.environments.prefixes import built_prefix
from flowstone_runtime.environments.request import Building, EnvironmentRequest, Lock, environment_key
from flowstone_runtime.environments.step_environment import StepEnvironment, step_environment


@attrs.frozen
class Preparation:
    """Where environments are made, and from what."""

    folder: Path
    """Of this machine: built environments, files of packages, locks."""
    datastore: Datastore
    environ: Mapping[str, str]
    """What tools see of the environment variables."""
    import_folders: Sequence[Path] = ()
    """Where the flow's own modules lie, beside its file."""
    known: Sequence[LockedEnvironment] = ()
    """What another run decided: for equal requests, it holds."""

    @property
    def memory(self) -> LockMemory:
        """The locks of this machine."""
        return LockMemory(self.folder / "locks")

    def prepare(
        self, requests: Mapping[str, EnvironmentRequest]
    ) -> tuple[tuple[LockedEnvironment, ...], dict[str, StepEnvironment]]:
        """What to record of each environment, and how tasks of each step are started; `requests` are by step.

        Raises:
            EnvironmentNotLockedError: requirements contradict each other, or no index answers.
            PackageNotHadError: a package cannot be had, or is not what was locked.
            EnvironmentNotBuiltError: it could not be installed.
            NoInterpreterError: there is no such Python here.
            StorageError: a package could not be stored.
        """
        records, ready = [], {}
        for request, steps in by_request(requests).items():
            record, prefix = self.environment(request, steps)
            records.append(record)
            folders = [*self.import_folders, own_code_folder(self.folder / "flowstone")]
            environment = step_environment(record.key, prefix, folders, self.environ)
            ready.update(dict.fromkeys(steps, environment))
        return tuple(records), ready

    def environment(self, request: EnvironmentRequest, steps: tuple[str, ...]) -> tuple[LockedEnvironment, Path]:
        """Lock, fetch, store and build one environment; the folder that it is in."""
        lock, stored = self.lock(request, (this_platform(),))
        return self.build(lock, steps, stored)

    def build(
        self, lock: Lock, steps: tuple[str, ...], stored: Mapping[str, ChunkRef]
    ) -> tuple[LockedEnvironment, Path]:
        """Fetch, store and build what is locked; `stored` is what the store has of it."""
        platform = this_platform()
        kind = environment_of(lock.request.kind)
        packages = kind.packages(lock, platform)
        key = environment_key(platform, lock.python, packages)
        source = PackageFiles(self.folder / "packages", self.datastore, self.environ)
        had = source.have_all(packages, stored)
        record = LockedEnvironment(
            key=key,
            request=lock.request.key,
            steps=steps,
            lock=self.datastore.chunks.put((lock.to_text().encode(),)),
            packages={sha256: chunk for sha256, (_, chunk) in sorted(had.items())},
        )
        files = {sha256: file for sha256, (file, _) in had.items()}

        def build(new: Path) -> None:
            work = Building(lock, packages, files, new, self.folder / "built" / key)
            kind.build(work, self.environ, self.folder / lock.request.kind)

        prefix = built_prefix(self.folder / "built", key, build)
        return record, prefix

    def lock(
        self, request: EnvironmentRequest, platforms: Iterable[str], *, is_anew: bool = False
    ) -> tuple[Lock, Mapping[str, ChunkRef]]:
        """The lock for the request, and which of its packages the store has; made only if there is none yet."""
        wanted = [*platforms]
        known = None if is_anew else self._known(request)
        if known is not None and {*wanted} <= {*known[0].files}:
            return known
        lock = None if is_anew else self.memory.find(request)
        missing = [name for name in wanted if lock is None or name not in lock.files]
        if missing or lock is None:
            made = environment_of(request.kind).lock(request, missing, self.environ, self.folder / request.kind)
            lock = made if lock is None else attrs.evolve(lock, files={**lock.files, **made.files})
            self.memory.keep(lock)
        return lock, {}

    def _known(self, request: EnvironmentRequest) -> tuple[Lock, Mapping[str, ChunkRef]] | None:
        for record in self.known:
            if record.request == request.key:
                data = self.datastore.chunks.get(record.lock.address, size=record.lock.size, artifact="a lock")
                return Lock.from_text(bytes(data)), record.packages
        return None


def by_request(requests: Mapping[str, EnvironmentRequest]) -> dict[EnvironmentRequest, tuple[str, ...]]:
    """Requests, and the steps that make each."""
    found: dict[EnvironmentRequest, tuple[str, ...]] = {}
    for step, request in requests.items():
        found[request] = (*found.get(request, ()), step)
    return found
