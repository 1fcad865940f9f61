"""The run that another one takes over from: its configs, and which of its tasks still count."""

from collections.abc import Mapping

from flowstone_client.settings import Settings
from flowstone_datastore import Artifact, Datastore, RunStarted, RunSummary
from flowstone_graph import FlowGraph
from flowstone_runtime.configs.config import bind_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.past_runs.resume import ResumeRequest, find_origin, read_run
from flowstone_runtime.past_runs.reuse import Reuse


def bind_origin(flow: type[FlowSpec], request: ResumeRequest, settings: Settings) -> RunSummary:
    """The run to resume; its configs are the flow's."""
    datastore = Datastore.open(settings.store, cache=settings.cache)
    origin = find_origin(datastore, flow.__name__, request, settings.user)
    bind_configs(flow, stored_configs(flow, datastore, origin.started))
    return origin


def reuse_of(
    origin: RunSummary, graph: FlowGraph, step: str | None, datastore: Datastore, record: RunStarted
) -> Reuse:
    """What the run of `record` takes over; from `step` on, if one is named, everything is run anew."""
    # Read once more, now that this run's first record keeps the origin from being collected.
    kept = read_run(datastore, graph.name, origin.started.run_id)
    values = {**record.constants, **record.parameters}
    before = {**kept.started.constants, **kept.started.parameters}
    is_same = _addresses(values) == _addresses(before) and _code_key(record) == _code_key(kept.started)
    return Reuse(graph, kept, values, frozenset([step] if step else ()), is_same=is_same)


def _addresses(values: Mapping[str, Artifact]) -> dict[str, str]:
    return {name: value.address for name, value in values.items()}


def _code_key(record: RunStarted) -> str:
    return "" if record.code is None else record.code.key
