"""The tasks of one step of a run."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.errors import NotFoundError
from flowstone_client.run_journal import PARAMETERS_STEP, RunJournal, steps_of, tasks_of
from flowstone_client.run_member import RunMember
from flowstone_client.task import Task
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_client.run import Run
    from flowstone_datastore import RunSummary, TaskSummary


class Step(RunMember, depth=3):
    """One step of a run and its tasks, as of when it was asked for.

    Raises:
        NotFoundError: there is no such step, run or flow; only steps that have begun are there.
        NamespaceMismatchError: the client's namespace hides the run.
        InvalidPathspecError: the pathspec is not that of a step.
    """

    def __init__(self, pathspec: str, *, client: Client | None = None) -> None:
        flow, run_id, step = self._parsed(pathspec).parts
        journal = RunJournal(client or default_client(), flow, run_id)
        self._take(journal, journal.summary(), step)

    def _take(self, journal: RunJournal, summary: "RunSummary", name: str) -> None:
        self._known: Mapping[str, TaskSummary] = tasks_of(summary, name)
        self._belong(journal, summary, f"{journal.pathspec}/{name}")
        if not self._known:
            raise NotFoundError("step", self.pathspec, journal.datastore.url, steps_of(summary))

    @classmethod
    def _of(cls, journal: RunJournal, summary: "RunSummary", name: str) -> Self:
        """A step of a run whose journal has been read."""
        step = cls.__new__(cls)
        step._take(journal, summary, name)  # noqa: SLF001 - its own class
        return step

    @property
    def parent(self) -> "Run":
        """The run."""
        return cast("Run", super().parent)

    @property
    def created_at(self) -> datetime | None:
        """When its first task began; `None` if all were taken over from another run."""
        times = [known.started.time for known in self._known.values() if known.started]
        return datetime.fromtimestamp(min(times), timezone.utc) if times else None

    @property
    def finished_at(self) -> datetime | None:
        """When its last task ended; `None` if one has not."""
        times = [known.ended.time if known.ended else None for known in self._known.values()]
        ended = [time for time in times if time is not None]
        return datetime.fromtimestamp(max(ended), timezone.utc) if len(ended) == len(times) else None

    @property
    def origin_pathspec(self) -> str | None:
        """The step of the resumed run, if any task was taken over from there."""
        origins = [task.origin_pathspec for task in self.tasks()]
        found = next((origin for origin in origins if origin), None)
        return found.rpartition("/")[0] if found else None

    # Its tasks

    def tasks(self, *tags: str) -> Iterator[Task]:
        """The tasks, in the order in which they began; none if the run does not carry all of `tags`."""
        if set(tags) <= self.tags:
            for known in self._known.values():
                yield Task._of(self._journal, self._summary, known)  # noqa: SLF001 - one family

    @property
    def task(self) -> Task:
        """The step's only task; of several, the first."""
        return next(self.tasks())

    def __iter__(self) -> Iterator[Task]:
        return iter(reversed(list(self.tasks())))

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, task: str) -> Task:
        known = self._known.get(task)
        if known is None:
            raise NotFoundError("task", f"{self.pathspec}/{task}", self._datastore.url, tuple(self._known))
        return Task._of(self._journal, self._summary, known)  # noqa: SLF001 - one family

    def __contains__(self, task: object) -> bool:
        return task in self._known

    def _child_ids(self) -> Iterator[str]:
        return iter(self._known)

    @property
    def control_task(self) -> Task | None:
        """Of tasks that `num_parallel` started, the first; `None` in any other step."""
        return next(self.control_tasks(), None)

    def control_tasks(self, *tags: str) -> Iterator[Task]:
        """Of each group of tasks that `num_parallel` started, the first."""
        groups = {node["name"] for node in self._nodes() if node.get("num_parallel")}
        for task in self.tasks(*tags):
            stack = task.foreach_stack
            if stack and stack[-1][0] in groups and stack[-1][1] == 0 and self.id in self._targets(stack[-1][0]):
                yield task

    # Its neighbours

    @property
    def parent_steps(self) -> "Iterator[Step]":
        """The steps whose tasks its tasks came from."""
        names = dict.fromkeys(parent.step_name for task in self.tasks() for parent in task.parent_tasks)
        return (self._sibling(name) for name in names)

    @property
    def child_steps(self) -> "Iterator[Step]":
        """The steps that have begun and came from its tasks."""
        names = dict.fromkeys(
            known.step
            for known in self._summary.tasks.values()
            if known.started and any(step == self.id for step, _ in known.started.parents)
        )
        return (self._sibling(name) for name in names)

    def _sibling(self, name: str) -> "Step":
        return Step._of(self._journal, self._summary, name)

    def _nodes(self) -> list[dict[str, Any]]:
        nodes: Any = self._summary.started.graph.get("nodes", [])
        return [node for node in nodes if isinstance(node, dict) and "name" in node]

    def _targets(self, step: str) -> list[str]:
        return [target for node in self._nodes() if node["name"] == step for target in node.get("targets", ())]

    @property
    def environment_info(self) -> dict[str, str]:
        """With which Python and which flowstone its tasks ran, and where."""
        return {} if self.id == PARAMETERS_STEP else self.task.environment_info

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_step

        return html_of_step(self)

    def __repr__(self) -> str:
        return f"Step({self.pathspec!r}, {len(self)} {'task' if len(self) == 1 else 'tasks'})"
