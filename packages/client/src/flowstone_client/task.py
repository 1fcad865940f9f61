"""One task of a run: what it set, what it read, what it wrote, how it ended."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from flowstone_client.artifacts import Artifacts
from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.data_artifact import DataArtifact
from flowstone_client.errors import NotFoundError
from flowstone_client.run_code import RunCode
from flowstone_client.run_journal import RunJournal
from flowstone_client.run_member import RunMember
from flowstone_client.task_log import TaskLog, as_text
from flowstone_client.task_metadata import Metadatum, environment_info, metadata_of
from flowstone_datastore import RunState, TaskFailed, TaskFinished, TaskState
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_client.step import Step
    from flowstone_datastore import Artifact, LogFrame, Reads, RunSummary, TaskError, TaskSummary


class Task(RunMember, depth=4):
    """One attempt of one task, the latest unless told otherwise, as of when it was asked for.

    Ask again for what has become of a task that was running. Only what it writes is as
    new as the question.

    Raises:
        NotFoundError: there is no such task, attempt, step, run or flow.
        NamespaceMismatchError: the client's namespace hides the run.
        InvalidPathspecError: the pathspec is not that of a task.
    """

    def __init__(self, pathspec: str, attempt: int | None = None, *, client: Client | None = None) -> None:
        flow, run_id, step, task = self._parsed(pathspec).parts
        journal = RunJournal(client or default_client(), flow, run_id)
        summary = journal.summary()
        known = journal.task(summary, step, task)
        if attempt is not None and attempt != known.attempt:
            earlier = journal.attempt(step, task, attempt)
            if earlier is None:
                latest = tuple(str(number) for number in range(known.attempt + 1))
                raise NotFoundError(f"attempt {attempt!r} of", pathspec, journal.datastore.url, latest)
            known = earlier
        self._take(journal, summary, known)

    def _take(self, journal: RunJournal, summary: "RunSummary", known: "TaskSummary") -> None:
        self._known = known
        self._log = TaskLog(journal, known)
        self.step_name = known.step
        self._belong(journal, summary, f"{journal.pathspec}/{known.step}/{known.task}")

    @classmethod
    def _of(cls, journal: RunJournal, summary: "RunSummary", known: "TaskSummary") -> Self:
        """A task of a run whose journal has been read."""
        task = cls.__new__(cls)
        task._take(journal, summary, known)  # noqa: SLF001 - its own class
        return task

    def __reduce__(self) -> tuple[Any, ...]:
        return _attempt_found_again, (self.pathspec, self._known.attempt, self._client)

    def _identity(self) -> tuple[Any, ...]:
        return *super()._identity(), self._known.attempt

    @property
    def parent(self) -> "Step":
        """The step."""
        return cast("Step", super().parent)

    # How it is

    @property
    def state(self) -> TaskState:
        """Running, finished or failed.

        A task that was running when its run ended has failed. One that failed and is to be tried again is
        still running, as long as its run is.
        """
        if isinstance(self._known.ended, TaskFinished):
            return TaskState.FINISHED
        latest = self._summary.tasks.get((self.step_name, self.id), self._known)
        goes_on = latest.attempt == self._known.attempt and (
            self._known.ended is None or self._known.ended.will_retry
        )
        return TaskState.RUNNING if goes_on and self._summary.state is RunState.RUNNING else TaskState.FAILED

    @property
    def finished(self) -> bool:
        """True if it is over, however it ended."""
        return self.state is not TaskState.RUNNING

    @property
    def successful(self) -> bool:
        """True if its step ran to the end."""
        return self.state is TaskState.FINISHED

    @property
    def current_attempt(self) -> int:
        """The number of the attempt, from 0."""
        return self._known.attempt

    @property
    def created_at(self) -> datetime | None:
        """When the attempt started; `None` if it never did."""
        started = self._known.started
        return None if started is None else datetime.fromtimestamp(started.time, timezone.utc)

    @property
    def finished_at(self) -> datetime | None:
        """When the attempt ended; `None` if it has not."""
        ended = self._known.ended
        return None if ended is None else datetime.fromtimestamp(ended.time, timezone.utc)

    @property
    def seconds(self) -> float | None:
        """How long the attempt took; `None` if it has not ended."""
        return None if self._known.ended is None else self._known.ended.seconds

    @property
    def exception(self) -> "TaskError | None":
        """The exception that ended the step, with the line of the user's code; `None` if there was none."""
        ended = self._known.ended
        return ended.error if isinstance(ended, TaskFailed) else None

    @property
    def failure_reason(self) -> str | None:
        """Why its last attempt failed: `exception`, `signalled`, `timed_out`, `cancelled` (it was stopped), ...

        `None` if it did not fail, or nobody could say.
        """
        ended = self._known.ended
        return (ended.reason or None) if isinstance(ended, TaskFailed) else None

    # Where it stands

    @property
    def foreach_stack(self) -> tuple[tuple[str, int, int | None], ...]:
        """Step, index and count of each foreach around it, outermost first."""
        started = self._known.started
        return () if started is None else started.stack

    @property
    def index(self) -> int | None:
        """Its place in the innermost foreach, from 0; `None` outside of one."""
        return self.foreach_stack[-1][1] if self.foreach_stack else None

    @property
    def parent_task_pathspecs(self) -> tuple[str, ...]:
        """Names of the tasks whose artifacts it was given, in the order of a join's inputs."""
        started = self._known.started
        return tuple(
            f"{self._journal.pathspec}/{step}/{task}" for step, task in (started.parents if started else ())
        )

    @property
    def child_task_pathspecs(self) -> tuple[str, ...]:
        """Names of the tasks that have begun and were given its artifacts."""
        return tuple(child.pathspec for child in self.child_tasks)

    @property
    def parent_tasks(self) -> "Iterator[Task]":
        """The tasks whose artifacts it was given, in the order of a join's inputs."""
        started = self._known.started
        for key in started.parents if started else ():
            if (known := self._summary.tasks.get(key)) is not None:
                yield Task._of(self._journal, self._summary, known)

    @property
    def child_tasks(self) -> "Iterator[Task]":
        """The tasks that have begun and were given its artifacts."""
        me = (self.step_name, self.id)
        for known in self._summary.tasks.values():
            if known.started is not None and me in known.started.parents:
                yield Task._of(self._journal, self._summary, known)

    @property
    def origin_pathspec(self) -> str | None:
        """The task whose result this is, if a resumed run took it over; `None` if it ran here."""
        ended = self._known.ended
        if not isinstance(ended, TaskFinished) or ended.origin is None:
            return None
        return f"{self._journal.flow}/{ended.origin}"

    # With what it ran

    @property
    def reads(self) -> "Reads | None":
        """Which parameters and artifacts it read, by address; `None` if it has not ended."""
        return None if self._known.ended is None else self._known.ended.reads

    @property
    def metadata(self) -> list[Metadatum]:
        """Facts about the attempt, each with its name and time."""
        return metadata_of(self._datastore.url, self._summary, self._known)

    @property
    def metadata_dict(self) -> dict[str, str]:
        """Facts about the attempt, by name."""
        return {fact.name: fact.value for fact in self.metadata}

    @property
    def environment_info(self) -> dict[str, str]:
        """With which Python and which flowstone it ran, and where."""
        return environment_info(self._summary, self._known)

    @property
    def runtime_name(self) -> str | None:
        """What scheduled it: `local`, a production scheduler; `None` if nobody says."""
        tags = [tag for tag in self._summary.started.system_tags if tag.startswith("runtime:")]
        return tags[0].partition(":")[2] if tags else None

    @property
    def code(self) -> RunCode:
        """The code that it ran."""
        return RunCode(self._datastore, self._journal.pathspec, self._summary.started.code)

    # What it set

    @property
    def data(self) -> Artifacts:
        """Its artifacts and the run's parameters, as attributes, loaded when they are read."""
        return Artifacts(self.pathspec, self._datastore, self._all_artifacts())

    @property
    def artifacts(self) -> tuple[DataArtifact, ...]:
        """What it can be asked for, by name; no value is loaded. Names that start with `_` are left out."""
        return tuple(
            DataArtifact._of(self._journal, self._summary, self._known, name, stored)  # noqa: SLF001 - one family
            for name, stored in sorted(self._all_artifacts().items())
            if not name.startswith("_")
        )

    def __iter__(self) -> Iterator[DataArtifact]:
        return iter(self.artifacts)

    def __getitem__(self, name: str) -> DataArtifact:
        stored = self.data._entry(name)  # noqa: SLF001 - one family
        return DataArtifact._of(self._journal, self._summary, self._known, name, stored)  # noqa: SLF001

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def _child_ids(self) -> Iterator[str]:
        return iter(self.data)

    def _all_artifacts(self) -> "Mapping[str, Artifact]":
        return self._journal.artifacts(self._summary, self._known)

    # What it wrote

    @property
    def stdout(self) -> str:
        """What it wrote to standard output; bytes that are not UTF-8 as escapes."""
        return self._log.text("stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to standard error; bytes that are not UTF-8 as escapes."""
        return self._log.text("stderr")

    @property
    def stdout_size(self) -> int:
        """How many bytes it wrote to standard output."""
        return sum(map(len, self._log.data("stdout")))

    @property
    def stderr_size(self) -> int:
        """How many bytes it wrote to standard error."""
        return sum(map(len, self._log.data("stderr")))

    def loglines(self, stream: str, as_unicode: bool = True) -> Iterator[tuple[datetime, Any]]:
        """The lines of `stdout` or `stderr`, each with the time at which it began; not ended by a line feed.

        They are texts; as they were written, bytes, if not `as_unicode`.

        Raises:
            InvalidStreamError: there is no such stream.
        """
        lines = self._log.lines(stream)
        return as_text(lines) if as_unicode else lines

    def log_frames(self) -> "Iterator[LogFrame]":
        """Everything it wrote, in order, as it came: bytes with stream and time.

        Of a task that was taken over: what it wrote in the run in which it ran, if that is still there.
        """
        return self._log.frames()

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_task

        return html_of_task(self)

    def __repr__(self) -> str:
        return f"Task({self.pathspec!r}, {self.state.value})"


def _attempt_found_again(pathspec: str, attempt: int, client: Client) -> Task:
    return Task(pathspec, attempt, client=client)
