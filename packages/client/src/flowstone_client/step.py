"""The tasks of one step of a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowstone_client.errors import NotFoundError
from flowstone_client.task import Task

if TYPE_CHECKING:
    from flowstone_datastore import Datastore, RunSummary


class Step:
    """One step of a run and its tasks, as of when it was asked for; made by `Run`."""

    def __init__(self, run: str, name: str, datastore: "Datastore", summary: "RunSummary") -> None:
        self._run = run
        self._datastore = datastore
        self._summary = summary
        self.id = name
        self.pathspec = f"{run}/{name}"

    def tasks(self) -> Iterator[Task]:
        """The tasks, in the order in which they began."""
        for (step, _), known in self._summary.tasks.items():
            if step == self.id:
                yield Task(self._run, known, self._datastore, self._summary)

    @property
    def task(self) -> Task:
        """The step's only task; of several, the first."""
        return next(self.tasks())

    def __iter__(self) -> Iterator[Task]:
        return iter(reversed(list(self.tasks())))

    def __len__(self) -> int:
        return sum(step == self.id for step, _ in self._summary.tasks)

    def __getitem__(self, task: str) -> Task:
        known = self._summary.tasks.get((self.id, task))
        if known is None:
            names = tuple(name for step, name in self._summary.tasks if step == self.id)
            raise NotFoundError("task", f"{self.pathspec}/{task}", self._datastore.url, names)
        return Task(self._run, known, self._datastore, self._summary)

    def __contains__(self, task: object) -> bool:
        return (self.id, task) in self._summary.tasks

    def __repr__(self) -> str:
        return f"Step({self.pathspec!r}, {len(self)} {'task' if len(self) == 1 else 'tasks'})"
