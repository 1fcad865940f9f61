"""Who runs the tasks of a run, and its exit hooks."""

import attrs

from flowstone_client.settings import Settings
from flowstone_datastore import Datastore, RunStarted, RunState, RunSummary
from flowstone_executors import InProcessExecutor, Launch, LocalExecutor
from flowstone_graph import FlowGraph
from flowstone_interfaces import Executor, ExecutorPlace, TaskRequest
from flowstone_runtime.decorators.exit_hook import ExitHook
from flowstone_runtime.remote.far_steps import open_executor
from flowstone_runtime.remote.staging import RunStaging
from flowstone_runtime.scheduling.run_options import Isolation
from flowstone_runtime.scheduling.run_plan import Events
from flowstone_runtime.scheduling.step_executors import StepExecutors
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.worker import SERVE, ForkedWorker


def task_executor(
    isolation: Isolation, runner: TaskRunner, events: Events, place: ExecutorPlace, settings: Settings
) -> Executor:
    """What runs the tasks: here, in an interpreter of a step's own, or elsewhere, as each request says."""
    worker = ForkedWorker(runner)
    own: Executor
    if isolation is Isolation.NONE:
        own = InProcessExecutor(events.put, worker)
    else:
        own = LocalExecutor(events.put, worker if isolation is Isolation.FORK else None)
        own.open()

    def opened(request: TaskRequest) -> Executor:
        if request.executor is not None:
            its_settings = settings.executors.get(request.executor, {})
            return open_executor(request.executor, events.put, attrs.evolve(place, settings=its_settings))
        if isolation is Isolation.SPAWN:  # a request says which interpreter it wants
            return own
        if isolation is Isolation.NONE:
            return LocalExecutor(events.put)
        return LocalExecutor(events.put, launch=Launch((*request.argv, SERVE), request.environ))

    return StepExecutors(own, opened)


def executor_place(datastore: Datastore, record: RunStarted, origin: RunSummary | None) -> ExecutorPlace:
    """What executors of other machines work with; `earlier` is of the runs that died one after the other."""
    earlier = []
    while origin is not None:
        from flowstone_runtime.past_runs.resume import read_run

        earlier.append(RunStaging(datastore.storage, record.flow, origin.started.run_id))
        before = origin.started.origin_run if origin.state is RunState.DIED else None
        origin = None if before is None else read_run(datastore, record.flow, before)
    staging = RunStaging(datastore.storage, record.flow, record.run_id)
    return ExecutorPlace(f"{record.flow}/{record.run_id}", staging, earlier=tuple(earlier))


def open_hook_executor(
    isolation: Isolation, graph: FlowGraph, datastore: Datastore, events: Events
) -> Executor | None:
    """What calls the flow's exit hooks, ready before any thread is; `None` for a flow that has none."""
    if not any(isinstance(decorator, ExitHook) for decorator in graph.decorators):
        return None
    from flowstone_runtime.hook_worker import ForkedHook

    program = ForkedHook(graph, datastore)
    if isolation is Isolation.NONE:
        return InProcessExecutor(events.put, program)
    executor = LocalExecutor(events.put, program if isolation is Isolation.FORK else None)
    executor.open()
    return executor
