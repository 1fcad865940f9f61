"""One exit hook in its own process: `python -m flowstone_runtime.hook_worker`, or the same code in a fork."""

import inspect
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowstone_client import Client, Run
from flowstone_datastore import ChunkCache, Datastore, RecordRef, RunStarted, TaskFailed, TaskFinished
from flowstone_datastore.record_line import to_line
from flowstone_executors import Job, inherited_job
from flowstone_graph import FlowGraph
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.exit_hook import Hook, hooks_of
from flowstone_runtime.scheduling.run_plan import RunPlan
from flowstone_runtime.tasks.user_traceback import report_error
from flowstone_runtime.worker import load_flow

HOOK_STEP = "_exit_hook"
"""Hooks are in the journal as tasks of a step of this name, each under its position."""


@attrs.frozen
class HookCall:
    """Which hook of which run to call."""

    flow: str
    run_id: str
    state: str
    """How the run ended."""
    position: int
    """Among the hooks for this state."""
    store: str
    main_file: str
    main_module: str | None
    run_record: tuple[Any, ...]
    cache: tuple[Any, ...] | None

    @classmethod
    def of(cls, plan: RunPlan, state: str, position: int) -> "HookCall":
        """The call of one hook of a run."""
        cache = None if plan.cache is None else attrs.astuple(plan.cache)
        return cls(
            plan.graph.name,
            plan.run_id,
            state,
            position,
            plan.store,
            plan.main_file,
            plan.main_module,
            attrs.astuple(plan.run_record),
            cache,
        )

    def to_json(self) -> bytes:
        """The payload of a request."""
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def from_json(cls, payload: bytes) -> "HookCall":
        """The inverse of `to_json`."""
        data: Mapping[str, Any] = json.loads(payload)
        return cls(**data)


@attrs.frozen
class ForkedHook:
    """The program of a forked hook: flow and store are in memory already."""

    graph: FlowGraph
    datastore: Datastore

    def __call__(self, job: Job) -> int:
        """Call the hook; 0 if it succeeded."""
        return _run_job(self.graph, self.datastore, job, HookCall.from_json(job.payload))


def main() -> int:
    """Call the one hook that this process was started for."""
    job = inherited_job(os.environ)
    call = HookCall.from_json(job.payload)
    flow = load_flow(Path(call.main_file), call.main_module, call.flow)
    datastore = Datastore.open(call.store, cache=ChunkCache(*call.cache) if call.cache else None)
    run = datastore.journal(call.flow, call.run_id).read(RecordRef(*call.run_record))
    assert isinstance(run, RunStarted)
    bind_configs(flow, stored_configs(flow, datastore, run))
    graph = declared_graph(flow, run.settings.get("with", ()), bound_configs(flow))
    return _run_job(graph, datastore, job, call)


def _run_job(graph: FlowGraph, datastore: Datastore, job: Job, call: HookCall) -> int:
    started = time.monotonic()
    key: dict[str, Any] = {"step": HOOK_STEP, "task": str(call.position)}
    try:
        hook = hooks_of(graph.decorators, call.state)[call.position]
        call_hook(hook, Run(f"{call.flow}/{call.run_id}", client=Client(datastore)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the hook raises is its own affair
        report = report_error(error)
        sys.stderr.write(report.traceback)
        failed = TaskFailed(time=time.time(), **key, error=report, reason="exception")
        job.send_result(to_line(failed))
        return 1
    job.send_result(to_line(TaskFinished(time=time.time(), **key, seconds=time.monotonic() - started)))
    return 0


def call_hook(hook: Hook, run: Run) -> None:
    """Call a hook with the run, or with nothing if it takes nothing."""
    if inspect.signature(hook).parameters:
        hook(run)
    else:
        hook()


if __name__ == "__main__":
    sys.exit(main())
