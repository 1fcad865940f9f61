"""One stored value: known by type and size without loading it."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from flowstone_client.artifacts import Artifacts, load_named
from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.run_journal import RunJournal
from flowstone_client.run_member import RunMember
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from flowstone_client.lineage import Lineage
    from flowstone_client.task import Task
    from flowstone_datastore import Artifact, RunSummary, TaskSummary


class DataArtifact(RunMember, depth=5):
    """An artifact of a task, or a parameter of its run.

    Raises:
        NotFoundError: there is no such artifact, task, step, run or flow.
        NamespaceMismatchError: the client's namespace hides the run.
        InvalidPathspecError: the pathspec is not that of an artifact.
    """

    def __init__(self, pathspec: str, *, client: Client | None = None) -> None:
        flow, run_id, step, task, name = self._parsed(pathspec).parts
        journal = RunJournal(client or default_client(), flow, run_id)
        summary = journal.summary()
        known = journal.task(summary, step, task)
        found = Artifacts(pathspec.rpartition("/")[0], journal.datastore, journal.artifacts(summary, known))
        self._take(journal, summary, known, name, found._entry(name))  # noqa: SLF001 - one family

    def _take(
        self, journal: RunJournal, summary: "RunSummary", task: "TaskSummary", name: str, stored: "Artifact"
    ) -> None:
        self._task = task
        self._stored = stored
        self._belong(journal, summary, f"{journal.pathspec}/{task.step}/{task.task}/{name}")

    @classmethod
    def _of(
        cls, journal: RunJournal, summary: "RunSummary", task: "TaskSummary", name: str, stored: "Artifact"
    ) -> Self:
        """An artifact of a task whose record has been read."""
        artifact = cls.__new__(cls)
        artifact._take(journal, summary, task, name, stored)  # noqa: SLF001 - its own class
        return artifact

    @property
    def parent(self) -> "Task":
        """The task."""
        return cast("Task", super().parent)

    def _identity(self) -> tuple[Any, ...]:
        return *super()._identity(), self._task.attempt

    @property
    def data(self) -> Any:
        """The value, loaded anew each time.

        Loading runs what the stored pickle says: load only from stores whose writers you trust.

        Raises:
            UnimportableTypeError: a package or class that the value needs is not installed here.
            DamagedChunkError: its bytes are not what was stored.
        """
        return load_named(self._datastore, self._stored, self.pathspec)

    def export(self, path: "str | os.PathLike[str]") -> "Path":
        """Write the value to a file that programs without flowstone open; the file's absolute path.

        Frames and Arrow tables become an Arrow IPC file (Feather V2), numpy arrays a `.npy` file, bytes and texts
        a file of them, dicts and lists of plain values JSON; installed packages may add types. The file appears
        complete, in place of the one that was there, or not at all.

        Raises:
            NotExportableError: values of this type cannot be exported, or this one cannot.
            ExportFailedError: there is no such folder, `path` is a folder, the disk is full.
            and whatever `data` raises.
        """
        return self._datastore.artifacts.export(self._stored, path, name=self.pathspec)

    def lineage(self) -> "Lineage":
        """What made it, through all runs and flows: tasks, their code, parameters, data. No value is loaded."""
        from flowstone_client.lineage_search import lineage_of

        return lineage_of(self._journal, self._summary, (self._task.step, self._task.task), self.id)

    @property
    def type(self) -> str:
        """Module and name of its class; nothing is loaded."""
        return self._stored.type

    @property
    def size(self) -> int:
        """Its size in bytes before compression; nothing is loaded."""
        return self._stored.size

    @property
    def address(self) -> str:
        """The identity of its content: equal addresses, equal values; dicts in another order are equal."""
        return self._stored.address

    @property
    def sha(self) -> str:
        """The address, under the name that people know."""
        return self.address

    @property
    def created_at(self) -> datetime | None:
        """When it was stored: when its task ended; of a parameter of a task that has not, when the run began."""
        ended = self._task.ended
        return datetime.fromtimestamp(ended.time if ended else self._summary.started.time, timezone.utc)

    @property
    def finished_at(self) -> datetime | None:
        """When its task ended; `None` if it has not."""
        return None if self._task.ended is None else datetime.fromtimestamp(self._task.ended.time, timezone.utc)

    @property
    def origin_pathspec(self) -> str | None:
        """The same artifact of the task that a resumed run took over; `None` if the task ran here."""
        origin = getattr(self._task.ended, "origin", None)
        return f"{self._journal.flow}/{origin}/{self.id}" if origin else None

    def _child_ids(self) -> Iterator[str]:
        return iter(())

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_artifact

        return html_of_artifact(self)

    def __repr__(self) -> str:
        return f"DataArtifact({self.pathspec!r}, {self.type}, {self.size} bytes)"
