"""`from flowstone import current`: where am I? The flow, run, step and task that runs this code."""

from typing import Any, NamedTuple

import attrs

from flowstone_interfaces import Pathspec


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


class Current:
    """Facts about the running task, as attributes; outside a task each is `None`.

    `current.pathspec` names the task, `current.retry_count` counts its attempts from 0,
    `current.parameter_names` lists the parameters, `current.get(name, default)` and
    `name in current` work as in a mapping.
    """

    # The one piece of module state: a process runs at most one task at a time.
    _position: Position | None = None

    def __getattr__(self, name: str) -> Any:
        if name in attrs.fields_dict(Position):
            return getattr(self._position, name, None)
        raise AttributeError(f"current has no {name!r}; it knows {', '.join(attrs.fields_dict(Position))}")

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

    def get(self, name: str, default: Any = None) -> Any:
        """The named fact, or `default` where there is none."""
        value = getattr(self, name, None)
        return default if value is None else value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def enter(self, position: Position | None) -> None:
        """Say which task this process runs from now on; `None` for none. For task runners."""
        self._position = position


current = Current()
