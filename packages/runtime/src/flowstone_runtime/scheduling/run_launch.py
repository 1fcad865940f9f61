"""What other machines are told that run tasks of a run, and which program it was that started it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, RunStarted
from flowstone_graph import FlowGraph

if TYPE_CHECKING:
    from flowstone_runtime.remote.launch import LaunchRef


def started_program(graph: FlowGraph) -> tuple[Path, str | None]:
    """The file that was started here, and its module name if it is part of a package.

    It need not be the file of the flow; a worker in a process of its own starts the same.
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None) or graph.file
    return Path(file).absolute(), None if spec is None else spec.name


def run_launch(graph: FlowGraph, record: RunStarted, settings: Settings, datastore: Datastore) -> "LaunchRef":
    """What machines are told that are to run tasks of the run: everything is stored when this returns."""
    from flowstone_runtime.remote.prepare import prepare_launch, started_file

    assert record.code is not None, "every run keeps its code"
    main_file, module = started_program(graph)
    kinds = _kinds(graph, settings) if record.environments else frozenset[str]()
    memory = Path(settings.cache_folder) / "archives" if settings.cache_folder else None
    started = started_file(record.code, settings.project_root, main_file, module)
    return prepare_launch(datastore, record.code, started, memory, kinds)


def _kinds(graph: FlowGraph, settings: Settings) -> frozenset[str]:
    from flowstone_runtime.environments.declared import environment_requests

    return frozenset(request.kind for request in environment_requests(graph, settings.store).values())
