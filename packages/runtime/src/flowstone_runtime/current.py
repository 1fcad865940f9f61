"""`from flowstone import current`: where am I? The flow, run, step and task that runs this code."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from flowstone_interfaces import FlowstoneError, Pathspec

if TYPE_CHECKING:
    from flowstone_client import Run, Task
    from flowstone_client.run_trigger import RunTrigger
    from flowstone_datastore import Datastore

_OF_DECORATORS = {
    **dict.fromkeys(
        ("project_name", "project_flow_name", "branch_name", "is_user_branch", "is_production"), "project"
    ),
}
"""What is known only in flows or steps that are decorated so."""


class NoTaskError(FlowstoneError, RuntimeError):
    """Something was asked of `current` that there is in a running task only."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.fact = name

    def __str__(self) -> str:
        return f"current.{self.fact} has a meaning inside a running step only; ask current.is_running_flow before"


class UnknownFactError(FlowstoneError, AttributeError):
    """`current` has no such field, or not in this flow."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.fact = name
        self.known = known

    def __str__(self) -> str:
        decorator = _OF_DECORATORS.get(self.fact)
        if decorator is not None:
            return f"current.{self.fact} is there with @{decorator} only, which this task does not have; add it"
        return f"current has no {self.fact!r}; it knows {', '.join(self.known)}"


@attrs.frozen
class Position:
    """The task that a process is running."""

    flow_name: str
    run_id: str
    step_name: str
    task_id: str
    retry_count: int
    username: str
    origin_run_id: str | None
    parameter_names: tuple[str, ...]
    tags: frozenset[str]
    namespace: str | None
    graph_info: Any
    parallel: "ParallelPosition | None" = None
    datastore: "Datastore | None" = None
    """Where the run is stored."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """What the flow's decorators add."""

    @property
    def pathspec(self) -> str:
        """`Flow/run/step/task`."""
        return str(Pathspec(self.flow_name, self.run_id, self.step_name, self.task_id))


class ParallelPosition(NamedTuple):
    """A task's place among those that `num_parallel` started."""

    main_ip: str
    """Where the first of them runs."""
    num_nodes: int
    node_index: int
    control_task_id: str
    """The first of them."""


_FIELDS = tuple(field.name for field in attrs.fields(Position) if field.name not in ("datastore", "facts"))
_COMPUTED = ("graph", "is_parallel", "is_running_flow", "pathspec", "run", "task", "tempdir", "trigger")


class Current:
    """Facts about the running task, as attributes.

    `current.pathspec` names the task, `current.retry_count` counts its attempts from 0, `current.run` and
    `current.task` are the run and the task as the client shows them. Outside of a task, what is a plain fact is
    `None`, the rest an error. `current.get(name, default)` and `name in current` work as in a mapping.
    """

    # The one piece of module state: a process runs at most one task at a time.
    _position: Position | None = None
    _folder: Any = None

    def __getattr__(self, name: str) -> Any:
        if name in _FIELDS:
            return getattr(self._position, name, None)
        facts = {} if self._position is None else self._position.facts
        if name in facts:
            return facts[name]
        raise UnknownFactError(name, (*sorted((*_FIELDS, *_COMPUTED)), *facts))

    def __dir__(self) -> list[str]:
        facts = () if self._position is None else self._position.facts
        return sorted({*super().__dir__(), *_FIELDS, *facts})

    @property
    def is_running_flow(self) -> bool:
        """True inside a task."""
        return self._position is not None

    @property
    def pathspec(self) -> str | None:
        """`Flow/run/step/task`."""
        at = self._position
        return None if at is None else at.pathspec

    @property
    def is_parallel(self) -> bool:
        """True in a task that `num_parallel` started."""
        return self._position is not None and self._position.parallel is not None

    @property
    def graph(self) -> Any:
        """The flow's graph as plain data: its steps, how they follow each other, its decorators.

        Raises:
            NoTaskError: no task runs here.
        """
        return self._at("graph").graph_info

    @property
    def run(self) -> "Run":
        """The run, as the client shows it: what finished so far, its tags, its parameters.

        Raises:
            NoTaskError: no task runs here.
        """
        from flowstone_client import Client, Run

        at = self._at("run")
        return Run(f"{at.flow_name}/{at.run_id}", client=Client(at.datastore))

    @property
    def task(self) -> "Task":
        """The task, as the client shows it.

        Raises:
            NoTaskError: no task runs here.
        """
        from flowstone_client import Task
        from flowstone_datastore.run_state import TaskSummary

        at, run = self._at("task"), self.run
        summary = run.summary
        # The scheduler may not have written down yet that the task has begun.
        known = summary.tasks.get((at.step_name, at.task_id))
        known = known or TaskSummary(at.step_name, at.task_id, at.retry_count)
        return Task._of(run._journal, summary, known)  # noqa: SLF001 - there is no public way before that

    @property
    def trigger(self) -> "RunTrigger | None":
        """What the run was started upon: runs of other flows that had finished, or events; `None` without."""
        at = self._position
        if at is None or not at.facts.get("trigger"):
            return None
        from flowstone_client import Client
        from flowstone_client.run_trigger import RunTrigger

        return RunTrigger(Client(at.datastore), at.facts["trigger"])

    @property
    def tempdir(self) -> str:
        """A folder of the task's own, which is deleted when the task ends.

        Raises:
            NoTaskError: no task runs here.
        """
        import tempfile

        self._at("tempdir")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="flowstone-", ignore_cleanup_errors=True)
        return str(Path(self._folder.name))

    def get(self, name: str, default: Any = None) -> Any:
        """The named fact, or `default` where there is none."""
        try:
            value = getattr(self, name, None)
        except NoTaskError:
            return default
        return default if value is None else value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def enter(self, position: Position | None) -> None:
        """Say which task this process runs from now on; `None` for none. For task runners."""
        self._position = position
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _at(self, what: str) -> Position:
        if self._position is None:
            raise NoTaskError(what)
        return self._position


current = Current()
