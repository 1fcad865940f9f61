"""Where a job finds itself once the bootstrap is done: the launch document, the code, the store."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, LockedEnvironment
from flowstone_interfaces.production import FLOW, VERSION
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.remote.launch import Launch
from flowstone_runtime.remote.node_cache import NodeCache
from flowstone_runtime.remote.worker import IN_ENVIRONMENT, go_on_in, working_copy, write_lines_at_once
from flowstone_runtime.worker import load_flow


@attrs.frozen
class JobPlace:
    """What a job has around it. The code is a copy of its own, which is the working folder."""

    datastore: Datastore
    flow: str
    version: str
    """Of the deployment."""
    launch: Launch
    launch_file: str
    code: Path
    cache: NodeCache
    is_in_environment: bool

    @classmethod
    def of(cls, arguments: Sequence[str], environ: Mapping[str, str]) -> Self:
        """Read what the bootstrap hands on: the launch document's file and the folder of the code."""
        write_lines_at_once()
        launch_file, stored_code, *more = arguments
        launch = Launch.from_json(Path(launch_file).read_bytes())
        cache = NodeCache(Path(launch_file).parent)
        code = Path(stored_code) if more else working_copy(Path(stored_code), launch)
        return cls(
            Datastore.open(launch.store, cache=cache.chunks),
            environ[FLOW],
            environ[VERSION],
            launch,
            launch_file,
            code,
            cache,
            IN_ENVIRONMENT in more,
        )

    def go_on_in(self, locked: LockedEnvironment, entry: str) -> None:
        """Become the interpreter of an environment, in which `main` of the module `entry` begins anew."""
        arguments = [self.launch_file, str(self.code), IN_ENVIRONMENT]
        go_on_in(locked, self.datastore, self.launch, arguments, self.cache, entry)

    def load_flow(self) -> type[FlowSpec]:
        """The flow, as it was deployed.

        Raises:
            UsageError: the file does not start it.
        """
        import sys

        sys.path[:0] = [str(self.code / folder) for folder in self.launch.import_folders]
        return load_flow(self.code / self.launch.main_file, self.launch.main_module, self.flow)

    def settings(self, user: str) -> Settings:
        """Settings for whoever asks for them here: no files and no variables are read."""
        return Settings(self.datastore.url, user, self.code)
