"""What a run's journal says, read when it is asked for: the source of runs, steps, tasks and artifacts."""

import time
from collections.abc import Mapping

from flowstone_client.client import Client
from flowstone_client.errors import NamespaceMismatchError, NotFoundError, NotStartedError
from flowstone_client.growing_journal import GrowingJournal
from flowstone_datastore import (
    Artifact,
    ArtifactTable,
    RunSummary,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
    TaskSummary,
    append_tag_change,
    is_alive,
)

PARAMETERS_STEP = "_parameters"
"""The step that no run has, but can be asked for: its only task holds what the run was given."""


class RunJournal:
    """One run of a store, as new as the question while it goes on; nothing of one that has ended is read twice.

    Raises:
        NotFoundError: there is no such run, or no such flow.
        NamespaceMismatchError: the client's namespace hides it.
    """

    def __init__(self, client: Client, flow: str, run_id: str, *, is_found: bool = False) -> None:
        """`is_found` if the run has been listed, and is in the namespace: then nothing is looked up."""
        self.client = client
        self.datastore = client.datastore
        self.flow = flow
        self.run_id = run_id
        self.pathspec = f"{flow}/{run_id}"
        self._journal = GrowingJournal(self.datastore.journal(flow, run_id))
        self._summary: RunSummary | None = None
        if is_found:
            return
        if not self._journal.has_segments():  # listing all runs to look at one costs more than all else here
            self._check_claimed()
        if client.namespace is not None:
            summary = self.look()
            if summary is not None and not client.sees(summary.tags | frozenset(summary.started.system_tags)):
                raise NamespaceMismatchError(self.pathspec, client.namespace)

    def _check_claimed(self) -> None:
        known = tuple(self.datastore.run_ids(self.flow))
        if self.run_id in known:
            return
        flows = tuple(self.datastore.flows())
        if self.flow not in flows:
            raise NotFoundError("flow", self.flow, self.datastore.url, flows)
        raise NotFoundError("run", self.pathspec, self.datastore.url, known)

    def look(self) -> RunSummary | None:
        """All that the journal says, as of now; `None` if that is nothing."""
        if self._summary is not None and self._summary.ended is not None:
            return self._summary
        self._summary = RunSummary.of(self._journal.records(), now=time.time(), is_alive=is_alive)
        return self._summary

    def summary(self) -> RunSummary:
        """All that the journal says, as of now.

        Raises:
            NotStartedError: it says nothing yet.
        """
        summary = self.look()
        if summary is None:
            raise NotStartedError(self.pathspec)
        return summary

    def forget(self) -> None:
        """Look for changes even if the run has ended: tags may have changed since."""
        self._summary = None

    def change_tags(self, change: TagsChanged) -> None:
        """Write down a change of tags.

        Raises:
            StoreNotWritableError: this store can only be read.
        """
        append_tag_change(self.datastore.storage, self.flow, self.run_id, change)
        self.forget()

    def attempt(self, step: str, task: str, number: int) -> TaskSummary | None:
        """One attempt of a task, be it the latest or an earlier one; `None` if there was none such."""
        found: TaskSummary | None = None
        for record in self._journal.records():
            if not isinstance(record, TaskStarted | TaskFinished | TaskFailed):
                continue
            if (record.step, record.task, record.attempt) != (step, task, number):
                continue
            known = found or TaskSummary(step, task, number)
            if isinstance(record, TaskStarted):
                found = TaskSummary(step, task, number, record, known.ended)
            else:
                found = TaskSummary(step, task, number, known.started, record)
        return found

    def task(self, summary: RunSummary, step: str, task: str) -> TaskSummary:
        """The latest attempt of a task.

        Raises:
            NotFoundError: no such task, or no such step, has begun.
        """
        tasks = tasks_of(summary, step)
        if task in tasks:
            return tasks[task]
        if tasks:
            raise NotFoundError("task", f"{self.pathspec}/{step}/{task}", self.datastore.url, tuple(tasks))
        raise NotFoundError("step", f"{self.pathspec}/{step}", self.datastore.url, steps_of(summary))

    def artifacts(self, summary: RunSummary, known: TaskSummary) -> Mapping[str, Artifact]:
        """What a task can be asked for, by name: what it set or passed on, parameters, constants."""
        started, ended = summary.started, known.ended
        table = {} if ended is None else self.datastore.tables.flatten(ended.artifacts)
        return {**started.constants, **started.parameters, **table}


def steps_of(summary: RunSummary) -> tuple[str, ...]:
    """The steps of the flow that have begun, in the order of their first task, without hidden ones."""
    return tuple(dict.fromkeys(step for step, _ in summary.tasks if not step.startswith("_")))


def tasks_of(summary: RunSummary, step: str) -> Mapping[str, TaskSummary]:
    """The tasks of one step by id, in the order in which they began."""
    if step == PARAMETERS_STEP:
        return {"0": _parameters_task(summary)}
    return {known.task: known for known in summary.tasks.values() if known.step == step}


def _parameters_task(summary: RunSummary) -> TaskSummary:
    """What the run was given, as if a task had set it."""
    started = summary.started
    began = TaskStarted(time=started.time, step=PARAMETERS_STEP, task="0")
    table = ArtifactTable(entries={**started.constants, **started.parameters})
    ended = TaskFinished(time=started.time, step=PARAMETERS_STEP, task="0", artifacts=table)
    return TaskSummary(PARAMETERS_STEP, "0", 0, began, ended)
