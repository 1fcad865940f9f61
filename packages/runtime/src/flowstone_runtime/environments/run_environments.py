"""What a run does about the environments that its steps declare."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, LockedEnvironment
from flowstone_graph import FlowGraph
from flowstone_runtime.code.places import CodePlaces
from flowstone_runtime.environments.declared import environment_requests
from flowstone_runtime.environments.preparation import Preparation
from flowstone_runtime.environments.step_environment import StepEnvironment
from flowstone_runtime.errors import UsageError


def prepare_environments(
    graph: FlowGraph,
    settings: Settings,
    datastore: Datastore,
    known: Sequence[LockedEnvironment],
    environ: Mapping[str, str],
    steps: Sequence[str] | None = None,
) -> tuple[tuple[LockedEnvironment, ...], dict[str, StepEnvironment]]:
    """See `Preparation.prepare`. `known` is what an older run decided; `steps` are those that matter, else all.

    Raises:
        UsageError: there is no folder to build environments in.
    """
    if not settings.environments_folder:
        raise UsageError("environments are built in the cache folder, and there is none; set cache_folder")
    places = CodePlaces.of(Path(graph.file).resolve().parent, settings.project_root)
    preparation = Preparation(
        Path(settings.environments_folder), datastore, environ, places.folders(), tuple(known)
    )
    requests = environment_requests(graph, settings.store)
    wanted = {step: requests[step] for step in requests if steps is None or step in steps}
    return preparation.prepare(wanted)
