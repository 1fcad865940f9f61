"""One task, anywhere: `python -m flowstone_runtime.worker`, or the same code in a fork.

A worker is told where the store is and which task to do; it reads what it needs from
the store, runs the step and reports one record.
"""

import os
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path

import attrs

from flowstone_datastore import Datastore, RunStarted, TaskFailed, TaskFinished
from flowstone_datastore.record_line import prepare_records, to_line
from flowstone_executors import Job, Program, inherited_job, serve_launched
from flowstone_runtime.configs.config import bind_configs, bound_configs
from flowstone_runtime.configs.loading import stored_configs
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.task_spec import TaskSpec
from flowstone_runtime.tasks.thread_share import limit_loaded_libraries
from flowstone_runtime.tasks.user_traceback import report_error

SERVE = "--serve"
"""Asks a worker to be the zygote of the tasks of its environment."""


@attrs.frozen
class ForkedWorker:
    """The program of a forked task: flow, store and run are in memory already."""

    runner: TaskRunner

    def __call__(self, job: Job) -> int:
        """Run the job's task; 0 if the step succeeded."""
        _reseed()
        limit_loaded_libraries(os.environ)
        return run_job(self.runner, job, TaskSpec.from_json(job.payload))


def run_job(runner: TaskRunner, job: Job, spec: TaskSpec) -> int:
    """Run the task and send its record; 0 if the step succeeded, 1 if not."""
    record = runner.execute(spec)
    job.send_result(to_line(record))
    return 0 if isinstance(record, TaskFinished) else 1


class _FlowFoundError(BaseException):
    """Leaves the user's file where its command line would have started."""

    def __init__(self, flow: type[FlowSpec]) -> None:
        super().__init__(flow)
        self.flow = flow


def load_flow(file: Path, module_name: str | None, flow_name: str) -> type[FlowSpec]:
    """Run the file as the script it is, up to where it starts the command line of the flow.

    So its classes have the same names, and its module the same content, as in the
    process that started the run: what one pickled, the other can load.

    Raises:
        UsageError: the file does not start the flow.
    """
    flow = start_flow_file(file, module_name)
    if flow is None or flow.__name__ != flow_name:
        raise UsageError(f"{file} does not start the flow {flow_name!r}; was it changed since the run started?")
    return flow


def start_flow_file(file: Path, module_name: str | None) -> type[FlowSpec] | None:
    """Run the file as the script it is, up to where it starts its command line; the flow, if it does."""
    module = types.ModuleType("__main__")
    module.__file__ = str(file)
    module.__package__ = module_name.rpartition(".")[0] if module_name else None
    sys.modules["__main__"] = module
    sys.argv = [str(file)]
    sys.path.insert(0, str(_import_root(file, module_name)))

    def stop(flow: type[FlowSpec]) -> None:
        raise _FlowFoundError(flow)

    FlowSpec._flowstone_command_line = staticmethod(stop)  # noqa: SLF001 - this process has no command line
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)  # noqa: S102 - the user's own program
    except _FlowFoundError as found:
        return found.flow
    return None


def _import_root(file: Path, module_name: str | None) -> Path:
    """The folder that Python puts first on its path: a script's own, or the one that holds the top package."""
    return file.parents[module_name.count(".")] if module_name else file.parent


@attrs.frozen
class UnloadedWorker:
    """The program of a task whose flow could not be loaded: it says why."""

    error: BaseException

    def __call__(self, job: Job) -> int:
        """Report the failure; 1."""
        return report_failure(job, TaskSpec.from_json(job.payload), self.error)


def main(arguments: Sequence[str]) -> int:
    """Run the one task that this process was started for.

    With `SERVE` and a descriptor, be the zygote of all tasks of an environment instead.
    """
    if arguments:
        serve_launched(int(arguments[-1]), load_worker)
    job = inherited_job(os.environ)
    spec = TaskSpec.from_json(job.payload)
    try:
        runner = open_runner(spec)
    except Exception as error:  # noqa: BLE001 - the user's file may raise anything when it is run
        return report_failure(job, spec, error)
    return run_job(runner, job, spec)


def load_worker(payload: bytes) -> Program:
    """What runs all tasks of the run, in an interpreter that has not run the flow's file yet."""
    try:
        runner = open_runner(TaskSpec.from_json(payload))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file may raise anything when it is run
        return UnloadedWorker(error)
    # Once, not in each task.
    runner.datastore.artifacts.find_serializers()
    prepare_records()
    return ForkedWorker(runner)


def open_runner(spec: TaskSpec) -> TaskRunner:
    """What runs the task and others of its run: the flow's file is run, the run's record is read.

    Raises:
        UsageError: the file does not start the flow.
        FlowstoneError: something of the run is missing or damaged.
    """
    flow = load_flow(Path(spec.main_file), spec.main_module, spec.flow)
    datastore = Datastore.open(spec.store, verify=spec.verify, cache=spec.cache)
    run = datastore.journal(spec.flow, spec.run_id).read(spec.run_record)
    assert isinstance(run, RunStarted)
    bind_configs(flow, stored_configs(flow, datastore, run))
    graph = declared_graph(flow, run.settings.get("with", ()), bound_configs(flow))
    return TaskRunner(flow, graph, datastore, run)


def report_failure(job: Job, spec: TaskSpec, error: BaseException) -> int:
    """Tell of a task that could not begin as of one that failed; 1."""
    report = report_error(error)
    sys.stderr.write(report.traceback)
    record = TaskFailed(
        time=time.time(),
        step=spec.key.step,
        task=spec.key.id,
        attempt=spec.attempt,
        error=report,
        reason="exception",
    )
    job.send_result(to_line(record))
    return 1


def _reseed() -> None:
    # A fork repeats its parent's random numbers; Python's own generator takes care of itself.
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
