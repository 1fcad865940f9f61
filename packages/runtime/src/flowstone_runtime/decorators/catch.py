"""`@catch`: go on although a step failed."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from flowstone_graph import FlowGraph, Node
from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares
from flowstone_runtime.tasks.user_traceback import report_error

if TYPE_CHECKING:
    from flowstone_runtime.decorators.task_attempt import TaskAttempt


@attrs.frozen
class CaughtError:
    """The error of a step that `@catch` went on after, as text: the exception itself may not be storable."""

    type: str
    message: str
    traceback: str
    """The user's own frames."""

    @property
    def exception(self) -> str:
        """The message; the name that Metaflow's users know."""
        return self.message

    @property
    def stacktrace(self) -> str:
        """The traceback; the name that Metaflow's users know."""
        return self.traceback

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message


@attrs.frozen(kw_only=True)
class Catch(StepDecorator):
    """After the last attempt has failed, go on as if the step had come to its `self.next`.

    What it had set by then is kept. A foreach runs over what the step had set for it, over nothing if it had not;
    a switch goes where its condition says, if that was set. What killed the task's process is caught, too:
    then nothing that it had set is there.
    """

    name: ClassVar[str] = "catch"

    var: str | None = None
    """The artifact that holds a `CaughtError`, `None` if the step succeeded."""
    print_exception: bool = attrs.field(default=True, converter=boolean)
    """Write the traceback to the task's standard error."""

    def __attrs_post_init__(self) -> None:
        if self.var is not None and not str(self.var).isidentifier():
            raise ValueError(f"var={self.var!r} is no name of an artifact")

    def check(self, graph: FlowGraph, node: Node) -> str | None:
        """Refuse what has no way on without the step's own word."""
        if node.num_parallel:
            return (
                "only the step itself can say how many tasks num_parallel starts, so there is no way on without it"
            )
        return None

    def fits(self, node: Node) -> bool:
        """`--with` leaves out what `check` refuses."""
        return not node.num_parallel

    def wrap(self, attempt: "TaskAttempt") -> AbstractContextManager[None]:
        """Swallow the step's exception if no attempt follows."""
        return self._catch(attempt)

    @contextmanager
    def _catch(self, attempt: "TaskAttempt") -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            if attempt.will_retry(error):
                raise
            report = report_error(error)
            if self.print_exception:
                sys.stderr.write(report.traceback)
            attempt.go_on()
            self._set(attempt, CaughtError(report.type, report.message, report.traceback))
        else:
            self._set(attempt, None)

    def _set(self, attempt: "TaskAttempt", value: Any) -> None:
        if self.var is not None:
            attempt.set_artifact(self.var, value)


catch = declares(Catch)
