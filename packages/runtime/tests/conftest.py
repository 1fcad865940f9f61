"""Flows run task by task in this process, and flow files run as programs."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import attrs
import pytest

from flowstone_datastore import Datastore, MemoryStorage, RecordRef, RunStarted, TaskFailed, TaskFinished
from flowstone_graph import Execution, Task, TaskKey, Transition
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.flowspec import FlowSpec, constants_of
from flowstone_runtime.parameters.parameter import parameters_of
from flowstone_runtime.tasks.task_runner import TaskRunner
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec

RUN_ID = "20260101-120000-test"


class CountingStorage(MemoryStorage):
    """Memory that knows which chunks it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.read_paths: list[str] = []

    def write_new(self, path, data):
        is_new = super().write_new(path, data)
        if is_new:
            self.written.append(path)
        return is_new

    def read(self, path, start=0, length=None):
        self.read_paths.append(path)
        return super().read(path, start, length)


class Bench:
    """One run of a flow: each task in this process, one after the other, no executor, no files."""

    def __init__(self, flow: type[FlowSpec], **parameters) -> None:
        self.storage = CountingStorage()
        self.datastore = Datastore.at(self.storage, create=True)
        self.graph = declared_graph(flow)
        self.journal = self.datastore.journal(self.graph.name, RUN_ID).writer("bench")
        save = self.datastore.artifacts.save
        values = {p.attribute: parameters.get(p.attribute, p.default) for p in parameters_of(flow)}
        run = RunStarted(
            time=0.0,
            flow=self.graph.name,
            run_id=RUN_ID,
            user="tester",
            parameters={name: save(value) for name, value in values.items()},
            constants={name: save(value) for name, value in constants_of(flow).items()},
            graph=self.graph.to_dict(),
            tags=("a tag",),
        )
        self.run_record = self.journal.append(run)
        self.runner = TaskRunner(flow, self.graph, self.datastore, run)
        self.records: dict[str, TaskFinished | TaskFailed] = {}
        self.refs: dict[TaskKey, RecordRef] = {}

    def run(self) -> "Bench":
        """Run every task, or up to the first that fails."""
        execution = Execution(self.graph)
        ready = [execution.start()]
        while ready:
            task = ready.pop(0)
            record = self.execute(task)
            if isinstance(record, TaskFailed):
                break
            leaving = record.transition
            transition = Transition() if leaving is None else Transition(leaving.targets, leaving.count)
            ready += execution.finish(task.key, transition)
        return self

    def execute(self, task: Task) -> TaskFinished | TaskFailed:
        record = self.runner.execute(self.spec(task))
        self.refs[task.key] = self.journal.append(record)
        self.records[str(task.key)] = record
        return record

    def spec(self, task: Task) -> TaskSpec:
        split = None
        if not task.parents and task.key.step != self.graph.start:
            key = TaskKey(self.graph.matching_split(task.key.step), task.key.indices)
            split = ParentRef(key, self.refs[key])
        return TaskSpec(
            store=self.datastore.url,
            flow=self.graph.name,
            run_id=RUN_ID,
            key=task.key,
            attempt=0,
            stack=task.stack,
            parents=tuple(ParentRef(key, self.refs[key]) for key in task.parents),
            split=split,
            run_record=self.run_record,
            main_file="",
        )

    # What came of it

    def artifacts(self, task: str):
        """The task's table, names that are ours left out."""
        table = self.datastore.tables.flatten(self.records[task].artifacts)
        return {name: artifact for name, artifact in table.items() if not name.startswith("_foreach_items_")}

    def value(self, task: str, name: str):
        return self.datastore.artifacts.load(self.artifacts(task)[name])

    def values(self, task: str) -> dict:
        return {name: self.datastore.artifacts.load(artifact) for name, artifact in self.artifacts(task).items()}

    @property
    def failure(self) -> TaskFailed:
        """The one task that failed."""
        (record,) = [record for record in self.records.values() if isinstance(record, TaskFailed)]
        return record


@pytest.fixture
def bench():
    """Runs a flow class: `bench(Flow, alpha=1)` and then `.run()`."""
    return Bench


HEADER = "from flowstone_runtime import FlowSpec, JSONType, Parameter, current, step\n\n"


@attrs.frozen
class FlowFile:
    """A flow in a file of its own, in a project of its own."""

    path: Path

    def call(self, *arguments, exit_code=0, environ=(), cwd=None) -> str:
        """Run the command to its end, which must be as said; both output streams."""
        done = subprocess.run(
            [sys.executable, str(self.path), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env={**clean_environ(), **dict(environ)},
        )
        output = done.stdout + done.stderr
        assert done.returncode == exit_code, output
        return output


def clean_environ() -> dict[str, str]:
    """The environment without settings of ours and without what a CI system adds."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_") and name != "CI"
    }


@pytest.fixture
def flow_file(tmp_path):
    """Writes a flow: the class's source, without the imports that every flow has."""

    def write(source: str, name: str = "flow.py") -> FlowFile:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + textwrap.dedent(source), encoding="utf-8")
        return FlowFile(path)

    return write
