"""Runs under test: written record by record with the datastore's own writers, as any scheduler may."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings

from flowstone_client import Client, Run
from flowstone_datastore import (
    ArtifactTable,
    Datastore,
    LogFrame,
    LogSpan,
    Record,
    RunEnded,
    RunStarted,
    TaskError,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)

settings.register_profile("client", deadline=None)
settings.load_profile("client")

NOON = 1767268800.0  # 2026-01-01 12:00:00 UTC


@attrs.define
class WrittenRun:
    """A run as it is being written; each record comes a second after the one before."""

    store: Datastore
    flow: str
    id: str
    now: float = NOON

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.id}"

    def read(self) -> Run:
        """The run, looked at anew."""
        return Run(self.pathspec, client=Client(self.store))

    def append(self, record: Record, segment: str = "main") -> None:
        self.store.journal(self.flow, self.id).writer(segment).append(record)

    def tick(self) -> float:
        self.now += 1
        return self.now

    def save(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.store.artifacts.save(value) for name, value in values.items()}

    def start(self, parameters: Mapping[str, Any] = {}, constants: Mapping[str, Any] = {}, **fields: Any) -> None:
        fields = {"graph": {"start": "start", "end": "end"}, **fields}
        self.append(
            RunStarted(
                time=self.tick(),
                flow=self.flow,
                run_id=self.id,
                parameters=self.save(parameters),
                constants=self.save(constants),
                **fields,
            )
        )

    def start_task(self, step: str, task: str = "0", **fields: Any) -> None:
        self.append(TaskStarted(time=self.tick(), step=step, task=task, **fields))

    def finish_task(self, step: str, task: str = "0", values: Mapping[str, Any] = {}, **fields: Any) -> None:
        table = ArtifactTable(entries=self.save(values))
        fields = {"artifacts": table, "seconds": 1.0, **fields}
        self.append(TaskFinished(time=self.tick(), step=step, task=task, **fields))

    def fail_task(self, step: str, task: str = "0", message: str = "no such column", **fields: Any) -> None:
        error = TaskError("KeyError", message, "Traceback ...", "train.py", 12)
        self.append(TaskFailed(time=self.tick(), step=step, task=task, error=error, **fields))

    def run_task(self, step: str, task: str = "0", values: Mapping[str, Any] = {}, **fields: Any) -> None:
        self.start_task(step, task)
        self.finish_task(step, task, values, **fields)

    def end(self, state: str = "finished", message: str = "") -> None:
        self.append(RunEnded(time=self.tick(), state=state, message=message))

    def print(self, step: str, task: str, stream: str, data: bytes, attempt: int = 0) -> LogSpan:
        """What a task writes; the bytes of the log among which it is."""
        frame = LogFrame(step, task, attempt, stream, self.tick(), data)
        return LogSpan("main", *self.store.log(self.flow, self.id, "main").append(frame))

    def complete(self, values: Mapping[str, Any] = {}) -> None:
        """A run of two steps, to its end."""
        self.start()
        self.run_task("start")
        self.run_task("end", values=values)
        self.end()


@pytest.fixture
def store(tmp_path: Path) -> Datastore:
    return Datastore.open(tmp_path / "store", create=True)


@pytest.fixture
def client(store: Datastore) -> Client:
    return Client(store)


@pytest.fixture
def new_run(store: Datastore) -> Callable[..., WrittenRun]:
    """Claims a run id: the run has not begun."""

    def new_run(run_id: str = "1", flow: str = "Train", now: float = NOON) -> WrittenRun:
        assert store.claim_run_id(flow, run_id, now)
        return WrittenRun(store, flow, run_id, now)

    return new_run
