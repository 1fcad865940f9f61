"""One task on a machine that the bootstrap has prepared: `main([launch document, folder of the code])`.

Which task it is stands in the job that the executor hands down, as for every worker. It works in a copy of the
code, so that a step finds its files by the paths that they have beside the flow, and may write there. A step with
an environment of its own has that built here, from what the run locked, and goes on in its interpreter.
"""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

from flowstone_datastore import Datastore, LockedEnvironment, RunStarted
from flowstone_executors import inherited_job, inherited_payload
from flowstone_runtime.remote.launch import Launch, flow_folder
from flowstone_runtime.remote.node_cache import NodeCache
from flowstone_runtime.tasks.task_spec import TaskSpec
from flowstone_runtime.worker import open_runner, report_failure, run_job

IN_ENVIRONMENT = "--in-environment"
"""Says to a worker that it is in the environment of its step already."""


def main(arguments: Sequence[str]) -> int:
    """Run the task; 0 if its step succeeded."""
    write_lines_at_once()
    launch_file, stored_code, *more = arguments
    launch = Launch.from_json(Path(launch_file).read_bytes())
    cache = NodeCache(Path(launch_file).parent)
    code = Path(stored_code) if more else working_copy(Path(stored_code), launch)
    if IN_ENVIRONMENT not in more:
        spec = _placed(TaskSpec.from_json(inherited_payload(os.environ)), launch, code, cache)
        try:
            locked = _environment_of(spec)
            if locked is not None:
                datastore = Datastore.open(spec.store, verify=spec.verify, cache=spec.cache)
                arguments = [launch_file, str(code), IN_ENVIRONMENT]
                go_on_in(locked, datastore, launch, arguments, cache, __name__)
        except Exception as error:  # noqa: BLE001 - an environment may fail in as many ways as there are tools
            return report_failure(inherited_job(os.environ), spec, error)
    job = inherited_job(os.environ)
    spec = _placed(TaskSpec.from_json(job.payload), launch, code, cache)
    sys.path[:0] = [str(code / folder) for folder in launch.import_folders]
    try:
        runner = open_runner(spec)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's file may raise anything when it is run
        return report_failure(job, spec, error)
    return run_job(runner, job, spec)


def write_lines_at_once() -> None:
    """People look at them while the task runs."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def working_copy(code: Path, launch: Launch) -> Path:
    """A copy of the code for this task alone, which is in the folder of the flow from now on."""
    copy = Path(tempfile.mkdtemp(prefix="flowstone-"))
    shutil.copytree(code, copy, dirs_exist_ok=True)
    os.chdir(copy / flow_folder(launch))
    return copy


def _placed(spec: TaskSpec, launch: Launch, code: Path, cache: NodeCache) -> TaskSpec:
    """The task as it is to be done here: with the code and the cache of this machine."""
    return attrs.evolve(
        spec,
        store=launch.store,
        main_file=str(code / launch.main_file),
        main_module=launch.main_module,
        cache=cache.chunks,
    )


def _environment_of(spec: TaskSpec) -> LockedEnvironment | None:
    if not spec.has_environment:
        return None
    datastore = Datastore.open(spec.store, verify=spec.verify, cache=spec.cache)
    run = datastore.journal(spec.flow, spec.run_id).read(spec.run_record)
    assert isinstance(run, RunStarted)
    return next((each for each in run.environments if spec.key.step in each.steps), None)


def go_on_in(
    locked: LockedEnvironment,
    datastore: Datastore,
    launch: Launch,
    arguments: Sequence[str],
    cache: NodeCache,
    entry: str,
) -> None:
    """Become the interpreter of the environment; its path ends with the code and with our own packages.

    There, `main` of the module `entry` is called with `arguments`: the launch document, the code, and more.
    """
    from flowstone_runtime.environments.preparation import Preparation
    from flowstone_runtime.environments.request import Lock
    from flowstone_runtime.environments.step_environment import step_environment
    from flowstone_runtime.remote.bootstrap import have_archive

    if launch.tools is not None:
        place = _StoredPlace(datastore)
        sys.path.append(have_archive(place, str(cache.folder), launch.tools.to_json()))
    data = datastore.chunks.get(locked.lock.address, size=locked.lock.size, artifact="a lock")
    preparation = Preparation(cache.environments, datastore, os.environ)
    _, prefix = preparation.build(Lock.from_text(bytes(data)), locked.steps, locked.packages)
    code = Path(arguments[1])
    bundle = Path(__file__).parents[2]
    folders = [code / flow_folder(launch), *(code / folder for folder in launch.import_folders), bundle]
    environment = step_environment(locked.key, prefix, folders, os.environ, entry=entry)
    argv = [*environment.argv, *arguments]
    os.execve(argv[0], argv, {**os.environ, **environment.environ})  # noqa: S606 - no shell


@attrs.frozen
class _StoredPlace:
    """A store, as the bootstrap sees one."""

    datastore: Datastore

    @property
    def url(self) -> str:
        return self.datastore.url

    def get(self, name: str) -> bytes:
        return self.datastore.storage.read(name)
