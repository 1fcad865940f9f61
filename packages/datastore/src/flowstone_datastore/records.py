"""What happens in a run, one frozen value per event. FORMAT.md describes each field."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import attrs

from flowstone_datastore.artifact import Artifact, ChunkRef
from flowstone_datastore.artifact_table import ArtifactTable
from flowstone_datastore.data_access import DataAccess
from flowstone_datastore.fields import (
    are_texts,
    is_a,
    is_boolean,
    is_count,
    is_integer,
    is_mapping,
    is_mapping_of_text,
    is_name,
    is_number,
    is_text,
    optional,
    refuse,
)
from flowstone_datastore.locked_environment import LockedEnvironment
from flowstone_datastore.process_identity import ProcessIdentity
from flowstone_datastore.record_parts import Code, LogSpan, Reads, TaskError, Transition
from flowstone_datastore.stored import ARTIFACTS, TEXTS, own_form, rows, several

ENDED_STATES = ("finished", "failed", "cancelled")


def _is_ended_state(_instance: Any, _attribute: Any, value: Any) -> None:
    if value not in ENDED_STATES:
        refuse("RunEnded.state", value, f"one of {', '.join(ENDED_STATES)}")


def _is_stack(_instance: Any, _attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(_is_frame(frame) for frame in value):
        refuse("TaskStarted.stack", value, "a tuple of (step, index, count)")


def _is_frame(frame: Any) -> bool:
    match frame:
        case (str(), int(), int() | None):
            return True
    return False


def _are_tasks(_instance: Any, _attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(_is_task(task) for task in value):
        refuse("TaskStarted.parents", value, "a tuple of (step, task)")


def _are_accesses(_instance: Any, _attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, DataAccess) for item in value):
        refuse("the data of a task", value, "a tuple of DataAccess")


def _are_environments(_instance: Any, _attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, LockedEnvironment) for item in value):
        refuse("RunStarted.environments", value, "a tuple of LockedEnvironment")


def _is_task(task: Any) -> bool:
    match task:
        case (str(), str()):
            return True
    return False


SPUN_TAG = "runtime:spin"
"""The system tag of a run of one task, made to try its step: it is nobody's latest run, and no rule of retention
counts it."""


@attrs.frozen(kw_only=True)
class RunStarted:
    """A run begins: all that holds for the whole of it."""

    kind: ClassVar[str] = "run-started"

    time: float = attrs.field(validator=is_number)
    """UTC, seconds since 1970; so in every record."""
    flow: str = attrs.field(validator=is_name)
    run_id: str = attrs.field(validator=is_name)
    user: str = attrs.field(default="", validator=is_text)
    parameters: Mapping[str, Artifact] = attrs.field(factory=dict, validator=is_mapping, metadata=ARTIFACTS)
    constants: Mapping[str, Artifact] = attrs.field(factory=dict, validator=is_mapping, metadata=ARTIFACTS)
    graph: Mapping[str, Any] = attrs.field(factory=dict, validator=is_mapping)
    """JSON of the graph package's; opaque here."""
    code: Code | None = attrs.field(default=None, validator=optional(is_a(Code)), metadata=own_form(Code))
    environment: ChunkRef | None = attrs.field(
        default=None, validator=optional(is_a(ChunkRef)), metadata=own_form(ChunkRef)
    )
    """JSON that says with which Python and which packages it ran; opaque here."""
    environments: tuple[LockedEnvironment, ...] = attrs.field(
        default=(), validator=_are_environments, metadata=several(LockedEnvironment)
    )
    """What steps declared, as it was locked; a step that none of them names runs in `environment`."""
    tags: tuple[str, ...] = attrs.field(default=(), validator=are_texts, metadata=TEXTS)
    system_tags: tuple[str, ...] = attrs.field(default=(), validator=are_texts, metadata=TEXTS)
    origin_run: str | None = attrs.field(default=None, validator=optional(is_name))
    """The run id that this run resumes."""
    process: ProcessIdentity | None = attrs.field(
        default=None, validator=optional(is_a(ProcessIdentity)), metadata=own_form(ProcessIdentity)
    )
    """Who drives the run; `None` if no process does."""
    heartbeat_seconds: float | None = attrs.field(default=None, validator=optional(is_number))
    """A record comes at least this often; `None` if nothing promises that."""
    versions: Mapping[str, str] = attrs.field(factory=dict, validator=is_mapping_of_text)
    settings: Mapping[str, Any] = attrs.field(factory=dict, validator=is_mapping)
    """JSON of the command line's; opaque here."""


@attrs.frozen(kw_only=True)
class TaskStarted:
    """An attempt of a task begins."""

    kind: ClassVar[str] = "task-started"

    time: float = attrs.field(validator=is_number)
    step: str = attrs.field(validator=is_name)
    task: str = attrs.field(validator=is_name)
    attempt: int = attrs.field(default=0, validator=is_count)
    stack: tuple[tuple[str, int, int | None], ...] = attrs.field(default=(), validator=_is_stack, metadata=rows(3))
    """Step, index and count of each foreach around the task, outermost first."""
    parents: tuple[tuple[str, str], ...] = attrs.field(default=(), validator=_are_tasks, metadata=rows(2))
    """Step and task id of each task whose artifacts it gets."""
    worker: str = attrs.field(default="", validator=is_text)
    """Where it runs, for people."""


@attrs.frozen(kw_only=True)
class TaskFinished:
    """An attempt succeeded; all that it names is stored."""

    kind: ClassVar[str] = "task-finished"

    time: float = attrs.field(validator=is_number)
    step: str = attrs.field(validator=is_name)
    task: str = attrs.field(validator=is_name)
    attempt: int = attrs.field(default=0, validator=is_count)
    artifacts: ArtifactTable = attrs.field(
        factory=ArtifactTable, validator=is_a(ArtifactTable), metadata=own_form(ArtifactTable)
    )
    reads: Reads = attrs.field(factory=Reads, validator=is_a(Reads), metadata=own_form(Reads))
    data: tuple[DataAccess, ...] = attrs.field(default=(), validator=_are_accesses, metadata=several(DataAccess))
    """What it read and wrote besides its artifacts."""
    transition: Transition | None = attrs.field(
        default=None, validator=optional(is_a(Transition)), metadata=own_form(Transition)
    )
    """Where it went on; `None` at the end of the flow."""
    seconds: float | None = attrs.field(default=None, validator=optional(is_number))
    cpu_seconds: float | None = attrs.field(default=None, validator=optional(is_number))
    max_memory_mib: float | None = attrs.field(default=None, validator=optional(is_number))
    logs: LogSpan | None = attrs.field(default=None, validator=optional(is_a(LogSpan)), metadata=own_form(LogSpan))
    origin: str | None = attrs.field(default=None, validator=optional(is_text))
    """`run id/step/task` whose result this is; `None` if the task ran."""


@attrs.frozen(kw_only=True)
class TaskFailed:
    """An attempt did not succeed."""

    kind: ClassVar[str] = "task-failed"

    time: float = attrs.field(validator=is_number)
    step: str = attrs.field(validator=is_name)
    task: str = attrs.field(validator=is_name)
    attempt: int = attrs.field(default=0, validator=is_count)
    artifacts: ArtifactTable = attrs.field(
        factory=ArtifactTable, validator=is_a(ArtifactTable), metadata=own_form(ArtifactTable)
    )
    """What was set before it failed."""
    reads: Reads = attrs.field(factory=Reads, validator=is_a(Reads), metadata=own_form(Reads))
    data: tuple[DataAccess, ...] = attrs.field(default=(), validator=_are_accesses, metadata=several(DataAccess))
    """What it read and wrote besides its artifacts."""
    error: TaskError | None = attrs.field(
        default=None, validator=optional(is_a(TaskError)), metadata=own_form(TaskError)
    )
    """The exception; `None` if there was none to be seen."""
    reason: str = attrs.field(default="", validator=is_text)
    """Why it ended: `exited`, `signalled`, `timed_out`, ..."""
    exit_code: int | None = attrs.field(default=None, validator=optional(is_integer))
    will_retry: bool = attrs.field(default=False, validator=is_boolean)
    seconds: float | None = attrs.field(default=None, validator=optional(is_number))
    cpu_seconds: float | None = attrs.field(default=None, validator=optional(is_number))
    max_memory_mib: float | None = attrs.field(default=None, validator=optional(is_number))
    logs: LogSpan | None = attrs.field(default=None, validator=optional(is_a(LogSpan)), metadata=own_form(LogSpan))


@attrs.frozen(kw_only=True)
class TagsChanged:
    """Somebody changed the run's tags: first `removed` go, then `added` come."""

    kind: ClassVar[str] = "tags-changed"

    time: float = attrs.field(validator=is_number)
    added: tuple[str, ...] = attrs.field(default=(), validator=are_texts, metadata=TEXTS)
    removed: tuple[str, ...] = attrs.field(default=(), validator=are_texts, metadata=TEXTS)


@attrs.frozen(kw_only=True)
class Heartbeat:
    """The run is alive, though nothing else happened."""

    kind: ClassVar[str] = "heartbeat"

    time: float = attrs.field(validator=is_number)


@attrs.frozen(kw_only=True)
class RunEnded:
    """The run is over."""

    kind: ClassVar[str] = "run-ended"

    time: float = attrs.field(validator=is_number)
    state: str = attrs.field(validator=_is_ended_state)
    """`finished`, `failed` or `cancelled`."""
    message: str = attrs.field(default="", validator=is_text)


Record: TypeAlias = RunStarted | TaskStarted | TaskFinished | TaskFailed | TagsChanged | Heartbeat | RunEnded
