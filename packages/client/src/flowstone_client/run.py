"""One run of a flow: how it is, and what it left."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Self

from flowstone_client.artifacts import Artifacts
from flowstone_client.client import Client
from flowstone_client.default_client import default_client
from flowstone_client.errors import (
    NamespaceMismatchError,
    NoResultError,
    NotFoundError,
    NotStartedError,
    StillRunningError,
    WrongDepthError,
)
from flowstone_client.growing_journal import GrowingJournal
from flowstone_client.step import Step
from flowstone_client.tags import new_tag_segment, tag_change
from flowstone_client.task import Task
from flowstone_datastore import ChunkRef, RunState, RunSummary, TaskState, is_alive
from flowstone_interfaces import FlowstoneError, Pathspec


class Run:
    """One run, named by its pathspec `Flow/run`.

    What is asked of a run that is still going on is as new as the question; nothing of
    one that has ended is read twice.

    Raises:
        NotFoundError: there is no such run, or no such flow.
        NamespaceMismatchError: the client's namespace hides it.
        InvalidPathspecError: the pathspec is not that of a run.
    """

    def __init__(self, pathspec: str, *, client: Client | None = None) -> None:
        spec = Pathspec.parse(pathspec)
        if spec.run is None:
            raise WrongDepthError(pathspec, f"a run is Flow/run, write Flow({pathspec!r}) for all its runs")
        if spec.step is not None:
            raise WrongDepthError(pathspec, f"a run is Flow/run, write {f'{spec.flow}/{spec.run}'!r}")
        self._client = client or default_client()
        self._datastore = self._client.datastore
        self._journal = GrowingJournal(self._datastore.journal(spec.flow, spec.run))
        self._summary: RunSummary | None = None
        self.pathspec = pathspec
        self.flow_name = spec.flow
        self.id = spec.run
        if not self._journal.has_segments():  # listing all runs to look at one costs more than all else here
            self._check_claimed()
        hidden = self._client.namespace is not None and self.has_begun and not self.is_in_namespace()
        if self._client.namespace is not None and hidden:
            raise NamespaceMismatchError(pathspec, self._client.namespace)

    def _check_claimed(self) -> None:
        known = tuple(self._datastore.run_ids(self.flow_name))
        if self.id in known:
            return
        flows = tuple(self._datastore.flows())
        if self.flow_name not in flows:
            raise NotFoundError("flow", self.flow_name, self._datastore.url, flows)
        raise NotFoundError("run", self.pathspec, self._datastore.url, known)

    # How it is

    @property
    def has_begun(self) -> bool:
        """False if its id was claimed but nothing was recorded of it yet."""
        return self._fold() is not None

    @property
    def summary(self) -> RunSummary:
        """All that the journal says, as of now.

        Raises:
            NotStartedError: it says nothing yet.
        """
        summary = self._fold()
        if summary is None:
            raise NotStartedError(self.pathspec)
        return summary

    def _fold(self) -> RunSummary | None:
        if self._summary is not None and self._summary.ended is not None:
            return self._summary
        self._summary = RunSummary.of(self._journal.records(), now=time.time(), is_alive=is_alive)
        return self._summary

    @property
    def state(self) -> RunState:
        """Running, finished, failed, cancelled or died."""
        return self.summary.state

    @property
    def finished(self) -> bool:
        """True if nothing of the run is going on any more, however it ended."""
        return self.state is not RunState.RUNNING

    @property
    def successful(self) -> bool:
        """True if it ran to its end."""
        return self.state is RunState.FINISHED

    @property
    def message(self) -> str:
        """Why it failed or was cancelled; empty otherwise."""
        ended = self.summary.ended
        return "" if ended is None else ended.message

    @property
    def created_at(self) -> datetime:
        """When it started."""
        return datetime.fromtimestamp(self.summary.started.time, UTC)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended; of one that died, when it was last heard of; `None` while it runs."""
        ended = self.summary.finished_at
        return None if ended is None else datetime.fromtimestamp(ended, UTC)

    @property
    def failed_tasks(self) -> tuple[Task, ...]:
        """The tasks whose last attempt failed, in the order in which they began."""
        return tuple(task for step in self.steps() for task in step.tasks() if task.state is TaskState.FAILED)

    def wait(self, timeout_seconds: float | None = None, poll_seconds: float = 0.5) -> Self:
        """Return the run once it has ended, however it did; one that has not begun is waited for too.

        Looks every `poll_seconds`.

        Raises:
            StillRunningError: it has not ended after `timeout_seconds`.
        """
        deadline = time.monotonic() + (float("inf") if timeout_seconds is None else timeout_seconds)
        while (summary := self._fold()) is None or summary.state is RunState.RUNNING:
            left = deadline - time.monotonic()
            if timeout_seconds is not None and left <= 0:
                raise StillRunningError(self.pathspec, timeout_seconds)
            time.sleep(min(poll_seconds, left))
        return self

    # What is known of it

    @property
    def user(self) -> str:
        """Who started it."""
        return self.summary.started.user

    @property
    def user_tags(self) -> frozenset[str]:
        """The tags that people gave it."""
        return self.summary.tags

    @property
    def system_tags(self) -> frozenset[str]:
        """The tags that flowstone gave it: who, with which Python, where."""
        return frozenset(self.summary.started.system_tags)

    @property
    def tags(self) -> frozenset[str]:
        """All tags."""
        return self.user_tags | self.system_tags

    def is_in_namespace(self) -> bool:
        """True if it carries the tag that is the client's namespace, or if the client sees all runs."""
        return self._client.sees(self.tags)

    def add_tag(self, tag: str) -> None:
        """Give it a tag; nothing happens if it has it. See `replace_tags`."""
        self.replace_tags((), (tag,))

    def add_tags(self, tags: Iterable[str]) -> None:
        """Give it tags. See `replace_tags`."""
        self.replace_tags((), tags)

    def remove_tag(self, tag: str) -> None:
        """Take a tag from it; nothing happens if it has none such. See `replace_tags`."""
        self.replace_tags((tag,), ())

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Take tags from it. See `replace_tags`."""
        self.replace_tags(tags, ())

    def replace_tag(self, tag_to_remove: str, tag_to_add: str) -> None:
        """Take one tag from it and give it another. See `replace_tags`."""
        self.replace_tags((tag_to_remove,), (tag_to_add,))

    def replace_tags(self, tags_to_remove: Iterable[str], tags_to_add: Iterable[str]) -> None:
        """Take tags from it, then give it others, in one go; of several people at once, each one's change holds.

        Raises:
            InvalidTagError: one is empty, has more than 500 characters, or is no text.
            SystemTagError: a system tag was to be removed.
            TooManyTagsError: it would have more than 50.
            StoreNotWritableError: this store can only be read.
        """
        self._summary = None  # others may have changed them after the run ended
        change = tag_change(
            self.pathspec, self.summary, added=tags_to_add, removed=tags_to_remove, now=time.time()
        )
        if change is not None:
            self._datastore.journal(self.flow_name, self.id).writer(new_tag_segment()).append(change)
            self._summary = None

    @property
    def parameters(self) -> Artifacts:
        """The parameters' values, as attributes."""
        started = self.summary.started
        return Artifacts(self.pathspec, self._datastore, dict(started.parameters), "parameter")

    @property
    def code(self) -> dict[str, str]:
        """The source of every file of the run's code, by path relative to the project's root."""
        code = self.summary.started.code
        if code is None:
            return {}
        return {path: self._source(path, ref) for path, ref in code.files.items()}

    def _source(self, path: str, ref: ChunkRef) -> str:
        shown = f"the code of {self.pathspec} ({path})"
        data = self._datastore.chunks.get(ref.address, size=ref.size, artifact=shown)
        return data.decode("utf-8", "backslashreplace")

    # What it left

    def steps(self) -> Iterator[Step]:
        """The steps that have begun, in the order of their first task."""
        summary = self.summary
        for name in dict.fromkeys(step for step, _ in summary.tasks):
            yield Step(self.pathspec, name, self._datastore, summary)

    def __iter__(self) -> Iterator[Step]:
        return iter(reversed(list(self.steps())))

    def __getitem__(self, step: str) -> Step:
        for known in self.steps():
            if known.id == step:
                return known
        names = tuple(known.id for known in self.steps())
        raise NotFoundError("step", f"{self.pathspec}/{step}", self._datastore.url, names)

    def __contains__(self, step: object) -> bool:
        return any(known.id == step for known in self.steps())

    @property
    def end_task(self) -> Task | None:
        """The task of the last step, once it has finished."""
        graph: Any = self.summary.started.graph
        name = graph.get("end")
        if not isinstance(name, str) or name not in self:
            return None
        return next((task for task in self[name].tasks() if task.successful), None)

    @property
    def data(self) -> Artifacts:
        """The artifacts that the run ended with, as attributes.

        Raises:
            NoResultError: its last step has not finished; look at its steps' tasks.
        """
        task = self.end_task
        if task is None:
            began = tuple(step.id for step in self.steps())
            raise NoResultError(self.pathspec, self.state.value, began)
        return task.data

    def __repr__(self) -> str:
        try:
            shown = self.state.value if self.has_begun else "not begun"
        except FlowstoneError:
            return f"Run({self.pathspec!r})"
        return f"Run({self.pathspec!r}, {shown})"
