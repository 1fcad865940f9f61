"""What a worker is told: which task of which run to do, and where to find all the rest.

It travels as JSON in `TaskRequest.payload`, the same to a fork, to a process of its
own and to another machine.
"""

import json
from typing import Any

import attrs

from flowstone_datastore import ChunkCache, RecordRef, Verify
from flowstone_graph import ForeachFrame, TaskKey
from flowstone_interfaces.python_310 import Self


@attrs.frozen
class ParentRef:
    """A finished task that comes before this one, and where its record stands."""

    key: TaskKey
    record: RecordRef


@attrs.frozen
class TaskSpec:
    """One attempt of one task."""

    store: str
    """URL of the store."""
    flow: str
    run_id: str
    key: TaskKey
    attempt: int
    stack: tuple[ForeachFrame, ...]
    parents: tuple[ParentRef, ...]
    """In the order in which a join sees them."""
    split: ParentRef | None
    """The foreach that had no items, for a join that therefore has no parents."""
    run_record: RecordRef
    """Where the run's first record stands: parameters, graph, code."""
    main_file: str
    """The file that was started and starts the flow, for a worker that has not run it."""
    main_module: str | None = None
    """Its module name where it is part of a package, else `None`."""
    verify: Verify = "once"
    cache: ChunkCache | None = None
    """Where the worker's machine keeps chunks of a store that is far away."""
    failure: str | None = None
    """Why the last attempt crashed: this one runs no code of the step, only what catches its failure."""
    lost: int = 0
    """How many attempts before this one were lost with their machine: `@retry` does not count them."""
    has_environment: bool = False
    """True if the run locked an environment for the step: a worker that is not in it has it built."""

    def to_json(self) -> bytes:
        """The payload."""
        data: dict[str, Any] = {
            "store": self.store,
            "flow": self.flow,
            "run_id": self.run_id,
            "key": _key_out(self.key),
            "attempt": self.attempt,
            "stack": [[frame.step, frame.index, frame.count] for frame in self.stack],
            "parents": [_parent_out(parent) for parent in self.parents],
            "split": self.split and _parent_out(self.split),
            "run_record": _record_out(self.run_record),
            "main_file": self.main_file,
            "main_module": self.main_module,
            "verify": self.verify,
            "cache": self.cache and attrs.astuple(self.cache),
            "failure": self.failure,
            "lost": self.lost,
            "has_environment": self.has_environment,
        }
        return json.dumps(data, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """The inverse of `to_json`."""
        data = json.loads(payload)
        return cls(
            store=data["store"],
            flow=data["flow"],
            run_id=data["run_id"],
            key=_key_in(data["key"]),
            attempt=data["attempt"],
            stack=tuple(ForeachFrame(*frame) for frame in data["stack"]),
            parents=tuple(_parent_in(parent) for parent in data["parents"]),
            split=data["split"] and _parent_in(data["split"]),
            run_record=RecordRef(*data["run_record"]),
            main_file=data["main_file"],
            main_module=data["main_module"],
            verify=data["verify"],
            cache=data["cache"] and ChunkCache(*data["cache"]),
            failure=data["failure"],
            lost=data["lost"],
            has_environment=data["has_environment"],
        )


def _key_out(key: TaskKey) -> list[Any]:
    return [key.step, key.indices, key.iteration]


def _key_in(data: list[Any]) -> TaskKey:
    step, indices, iteration = data
    return TaskKey(step, tuple(indices), iteration)


def _parent_out(parent: ParentRef) -> list[Any]:
    return [_key_out(parent.key), _record_out(parent.record)]


def _record_out(ref: RecordRef) -> list[Any]:
    return [ref.segment, ref.offset, ref.length]


def _parent_in(data: list[Any]) -> ParentRef:
    key, record = data
    return ParentRef(_key_in(key), RecordRef(*record))
