"""One run of a flow: how it is, and what it left."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from flowstone_client.artifacts import Artifacts
from flowstone_client.client import Client
from flowstone_client.client_in_use import default_client
from flowstone_client.client_object import ClientObject
from flowstone_client.errors import NoResultError, StillRunningError
from flowstone_client.run_code import RunCode
from flowstone_client.run_environment import RunEnvironment
from flowstone_client.run_journal import RunJournal, steps_of, tasks_of
from flowstone_client.step import Step
from flowstone_client.tags import tag_change
from flowstone_client.task import Task
from flowstone_datastore import RunState, RunSummary, TaskState
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self

if TYPE_CHECKING:
    from flowstone_client.flow import Flow
    from flowstone_client.run_deployment import RunDeployment
    from flowstone_client.run_diff import RunDifference
    from flowstone_client.run_trigger import RunTrigger


class Run(ClientObject, depth=2):
    """One run, named by its pathspec `Flow/run`.

    What is asked of a run that is still going on is as new as the question; nothing of
    one that has ended is read twice.

    Raises:
        NotFoundError: there is no such run, or no such flow.
        NamespaceMismatchError: the client's namespace hides it.
        InvalidPathspecError: the pathspec is not that of a run.
    """

    def __init__(self, pathspec: str, *, client: Client | None = None) -> None:
        self.flow_name, self.id = self._parsed(pathspec).parts
        self._client = client or default_client()
        self._datastore = self._client.datastore
        self._journal = RunJournal(self._client, self.flow_name, self.id)
        self.pathspec = pathspec

    @classmethod
    def _of(cls, client: Client, flow: str, run_id: str) -> Self:
        """A run that has been listed, and is in the client's namespace."""
        run = cls.__new__(cls)
        run._client, run._datastore = client, client.datastore  # noqa: SLF001 - its own class
        run._journal = RunJournal(client, flow, run_id, is_found=True)  # noqa: SLF001 - its own class
        run.flow_name, run.id, run.pathspec = flow, run_id, f"{flow}/{run_id}"
        return run

    @property
    def parent(self) -> "Flow":
        """The flow."""
        return cast("Flow", super().parent)

    # How it is

    @property
    def has_begun(self) -> bool:
        """False if its id was claimed but nothing was recorded of it yet."""
        return self._journal.look() is not None

    @property
    def summary(self) -> RunSummary:
        """All that the journal says, as of now.

        Raises:
            NotStartedError: it says nothing yet.
        """
        return self._journal.summary()

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
        return datetime.fromtimestamp(self.summary.started.time, timezone.utc)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended; of one that died, when it was last heard of; `None` while it runs."""
        ended = self.summary.finished_at
        return None if ended is None else datetime.fromtimestamp(ended, timezone.utc)

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
        while (summary := self._journal.look()) is None or summary.state is RunState.RUNNING:
            left = deadline - time.monotonic()
            if timeout_seconds is not None and left <= 0:
                raise StillRunningError(self.pathspec, timeout_seconds)
            time.sleep(min(poll_seconds, left))
        return self

    @property
    def deployment(self) -> "RunDeployment | None":
        """The deployment that it is a run of; `None` for a run that somebody started at home."""
        from flowstone_client.run_deployment import RunDeployment

        data = self.summary.started.settings.get("deployment")
        return RunDeployment.from_record(data) if isinstance(data, dict) else None

    @property
    def trigger(self) -> "RunTrigger | None":
        """The runs of other flows, or the events, that it was started upon; `None` if somebody started it."""
        from flowstone_client.run_trigger import RunTrigger

        record = self.summary.started.settings.get("current", {}).get("trigger")
        return RunTrigger(self._client, record) if record else None

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

    @property
    def origin_pathspec(self) -> str | None:
        """The run that it resumed; `None` if it began anew."""
        origin = self.summary.started.origin_run
        return None if origin is None else f"{self.flow_name}/{origin}"

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
        self._journal.forget()  # others may have changed them after the run ended
        change = tag_change(
            self.pathspec, self.summary, added=tags_to_add, removed=tags_to_remove, now=time.time()
        )
        if change is not None:
            self._journal.change_tags(change)

    @property
    def parameters(self) -> Artifacts:
        """The parameters' values, as attributes."""
        started = self.summary.started
        return Artifacts(self.pathspec, self._datastore, dict(started.parameters), "parameter")

    @property
    def code(self) -> RunCode:
        """The source of every file of the run's code, by path relative to the project's root."""
        return RunCode(self._datastore, self.pathspec, self.summary.started.code)

    @property
    def environment(self) -> RunEnvironment:
        """The Python and the packages that were installed where the run was started."""
        return RunEnvironment(self._datastore, self.pathspec, self.summary.started.environment)

    def diff(self, other: "Run", *, loads: bool = False) -> "RunDifference":
        """What `other` has differently: code, parameters, environment, the values of each task; and both's times.

        Values are compared by address. With `loads`, those that differ and are not large are loaded, to tell their
        shape and value; else only numbers, texts and truth values are told.
        """
        from flowstone_client.run_diff import diff_runs

        return diff_runs(self._journal, other._journal, loads=loads)  # noqa: SLF001 - its own class

    # What it left

    def steps(self, *tags: str) -> Iterator[Step]:
        """The steps that have begun, in the order of their first task; none if it does not carry all of `tags`.

        What is no step of the flow (exit hooks are `_exit_hook`) is found by its name only.
        """
        summary = self.summary
        if set(tags) <= self.tags:
            for name in steps_of(summary):
                yield Step._of(self._journal, summary, name)  # noqa: SLF001 - one family

    def __iter__(self) -> Iterator[Step]:
        return iter(reversed(list(self.steps())))

    def __getitem__(self, step: str) -> Step:
        return Step._of(self._journal, self.summary, step)  # noqa: SLF001 - one family

    def __contains__(self, step: object) -> bool:
        return isinstance(step, str) and bool(tasks_of(self.summary, step))

    def _child_ids(self) -> Iterator[str]:
        return iter(steps_of(self.summary)) if self.has_begun else iter(())

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

    def _repr_html_(self) -> str:
        from flowstone_client.display import html_of_run

        return html_of_run(self)

    def __repr__(self) -> str:
        try:
            shown = self.state.value if self.has_begun else "not begun"
        except FlowstoneError:
            return f"Run({self.pathspec!r})"
        return f"Run({self.pathspec!r}, {shown})"
