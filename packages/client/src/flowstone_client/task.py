"""One task of a run: what it set, what it read, what it wrote, how it ended."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flowstone_client.artifacts import Artifacts
from flowstone_client.data_artifact import DataArtifact
from flowstone_client.errors import InvalidStreamError
from flowstone_datastore import RunState, TaskFailed, TaskFinished, TaskState

if TYPE_CHECKING:
    from flowstone_datastore import Artifact, Datastore, LogFrame, Reads, RunSummary, TaskError, TaskSummary


class Task:
    """The latest attempt of one task, as of when it was asked for; made by `Step`.

    Ask the run again for what has become of a task that was running. Only what it writes is as
    new as the question.
    """

    def __init__(self, run: str, known: "TaskSummary", datastore: "Datastore", summary: "RunSummary") -> None:
        self._run = run
        self._known = known
        self._datastore = datastore
        self._summary = summary
        self.step_name = known.step
        self.id = known.task
        self.pathspec = f"{run}/{known.step}/{known.task}"

    # How it is

    @property
    def state(self) -> TaskState:
        """Running, finished or failed.

        A task that was running when its run ended has failed. One that failed and is to be tried again is
        still running, as long as its run is.
        """
        if isinstance(self._known.ended, TaskFinished):
            return TaskState.FINISHED
        goes_on = self._known.ended is None or self._known.ended.will_retry
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
        """The number of its latest attempt, from 0."""
        return self._known.attempt

    @property
    def created_at(self) -> datetime | None:
        """When the attempt started; `None` if it never did."""
        started = self._known.started
        return None if started is None else datetime.fromtimestamp(started.time, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When the attempt ended; `None` if it has not."""
        ended = self._known.ended
        return None if ended is None else datetime.fromtimestamp(ended.time, UTC)

    @property
    def seconds(self) -> float | None:
        """How long the attempt took; `None` if it has not ended."""
        return None if self._known.ended is None else self._known.ended.seconds

    @property
    def index(self) -> int | None:
        """Its place in the innermost foreach, from 0; `None` outside of one."""
        started = self._known.started
        return started.stack[-1][1] if started is not None and started.stack else None

    @property
    def exception(self) -> "TaskError | None":
        """The exception that ended the step, with the line of the user's code; `None` if there was none."""
        ended = self._known.ended
        return ended.error if isinstance(ended, TaskFailed) else None

    @property
    def parents(self) -> tuple[str, ...]:
        """Pathspecs of the tasks whose artifacts it was given, in the order of a join's inputs."""
        started = self._known.started
        return tuple(f"{self._run}/{step}/{task}" for step, task in (started.parents if started else ()))

    @property
    def origin_pathspec(self) -> str | None:
        """The task whose result this is, if a resumed run took it over; `None` if it ran here."""
        ended = self._known.ended
        if not isinstance(ended, TaskFinished) or ended.origin is None:
            return None
        return f"{self._summary.started.flow}/{ended.origin}"

    @property
    def reads(self) -> "Reads | None":
        """Which parameters and artifacts it read, by address; `None` if it has not ended."""
        return None if self._known.ended is None else self._known.ended.reads

    # What it set

    @property
    def data(self) -> Artifacts:
        """Its artifacts and the run's parameters, as attributes, loaded when they are read."""
        return Artifacts(self.pathspec, self._datastore, {**self._flow_level(), **self._table()})

    @property
    def artifacts(self) -> tuple[DataArtifact, ...]:
        """What it can be asked for, by name; no value is loaded. Names that start with `_` are left out."""
        found = {**self._flow_level(), **self._table()}
        return tuple(
            DataArtifact(f"{self.pathspec}/{name}", found[name], self._datastore)
            for name in sorted(found)
            if not name.startswith("_")
        )

    def __iter__(self) -> Iterator[DataArtifact]:
        return iter(self.artifacts)

    def __getitem__(self, name: str) -> DataArtifact:
        artifact = self.data._entry(name)  # noqa: SLF001 - one family
        return DataArtifact(f"{self.pathspec}/{name}", artifact, self._datastore)

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def _flow_level(self) -> "Mapping[str, Artifact]":
        started = self._summary.started
        return {**started.constants, **started.parameters}

    def _table(self) -> "Mapping[str, Artifact]":
        ended = self._known.ended
        return {} if ended is None else self._datastore.tables.flatten(ended.artifacts)

    # What it wrote

    @property
    def stdout(self) -> str:
        """What it wrote to standard output; bytes that are not UTF-8 as escapes."""
        return self._text("stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to standard error; bytes that are not UTF-8 as escapes."""
        return self._text("stderr")

    def loglines(self, stream: str) -> "Iterator[tuple[datetime, str]]":
        """The lines of `stdout` or `stderr`, each with the time at which it began; not ended by a line feed.

        Raises:
            InvalidStreamError: there is no such stream.
        """
        if stream not in ("stdout", "stderr"):
            raise InvalidStreamError(stream)
        return self._lines(stream)

    def _lines(self, stream: str) -> "Iterator[tuple[datetime, str]]":
        began, rest = 0.0, b""
        for frame in self.log_frames():
            if frame.stream != stream:
                continue
            began = began if rest else frame.time
            *lines, rest = (rest + frame.data).split(b"\n")
            for line in lines:
                yield datetime.fromtimestamp(began, UTC), _decoded(line)
                began = frame.time
        if rest:
            yield datetime.fromtimestamp(began, UTC), _decoded(rest)

    def log_frames(self) -> "Iterator[LogFrame]":
        """Everything it wrote, in order, as it came: bytes with stream and time.

        Of a task that was taken over: what it wrote in the run in which it ran, if that is still there.
        """
        ended = self._known.ended
        flow, run_id = self._summary.started.flow, self._summary.started.run_id
        if isinstance(ended, TaskFinished) and ended.origin is not None:
            run_id, ended = ended.origin.partition("/")[0], self._ended_in(ended.origin)
        spans: list[tuple[str, int, int | None]]
        if ended is not None:
            spans = [(ended.logs.segment, ended.logs.start, ended.logs.end)] if ended.logs else []
        else:
            spans = [(segment, 0, None) for segment in self._datastore.log_segments(flow, run_id)]
        for segment, start, end in spans:
            for frame in self._datastore.log(flow, run_id, segment).frames(start, end):
                if frame.is_of(self.step_name, self.id, self._known.attempt):
                    yield frame

    def _ended_in(self, origin: str) -> "TaskFinished | TaskFailed":
        """The record of the task that this was taken over from; this one's, without output, if that is gone."""
        run_id, step, task = origin.split("/")
        records = self._datastore.journal(self._summary.started.flow, run_id).records()
        for _, record in reversed(records):
            if isinstance(record, TaskFinished) and (record.step, record.task) == (step, task):
                return record
        assert self._known.ended is not None, "it names its origin"
        return self._known.ended

    def _text(self, stream: str) -> str:
        data = b"".join(frame.data for frame in self.log_frames() if frame.stream == stream)
        return _decoded(data)

    def __repr__(self) -> str:
        return f"Task({self.pathspec!r}, {self.state.value})"


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="backslashreplace")
