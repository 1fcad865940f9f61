"""What a scheduler tells the person who watches."""

from typing import Protocol

import attrs

from flowstone_graph import FlowGraph
from flowstone_interfaces import Stream
from flowstone_runtime.code.changes import CodeChanges


@attrs.frozen
class RunHeader:
    """What is known of a run when it starts."""

    flow: str
    run_id: str
    store: str
    graph: FlowGraph
    is_new_store: bool
    origin: str | None = None
    """The pathspec of the run that this one resumes."""
    changes: CodeChanges = attrs.field(factory=CodeChanges)
    """What of the code is not as it was in that run."""
    warnings: tuple[str, ...] = ()
    """What the run cannot keep, in sentences."""


class Reporter(Protocol):
    """Told of everything, in order, from the scheduler's thread; must return soon."""

    def run_started(self, header: RunHeader) -> None:
        """The run has a name and its tasks are about to start."""

    def tasks_ready(self, step: str, count: int) -> None:
        """`count` more tasks of the step are waiting to start."""

    def task_started(self, step: str, task: str) -> None:
        """One of the waiting tasks runs now."""

    def task_output(self, step: str, task: str, stream: Stream, line: str) -> None:
        """One line that the task wrote, without its newline."""

    def task_finished(self, step: str, task: str, seconds: float) -> None:
        """The task succeeded."""

    def task_failed(self, step: str, task: str, message: str, place: str) -> None:
        """The task failed; `place` is `file:line` of the user's code, or empty."""

    def task_reused(self, step: str, task: str) -> None:
        """The task need not run: the result of the run that is resumed stands."""

    def task_retried(self, step: str, task: str, message: str, place: str, wait_seconds: float) -> None:
        """An attempt failed, and another follows in so many seconds: until then the task waits again."""

    def task_stopped(self, step: str, task: str) -> None:
        """The task was stopped because the run ends before it does."""

    def run_ended(self, state: str, message: str, seconds: float) -> None:
        """Nothing of the run is running any more; `state` is finished, failed or cancelled."""
