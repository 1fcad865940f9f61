"""The smallest promise by which a scheduler can have tasks run somewhere."""

from collections.abc import Callable
from typing import Protocol

from flowstone_interfaces.task_event import TaskEvent
from flowstone_interfaces.task_request import TaskRequest

PostEvent = Callable[[TaskEvent], None]
"""Hands an event to the scheduler. Callable from any thread; returns at once; never raises."""


class Executor(Protocol):
    """Runs requests and posts what becomes of them.

    An executor is built with the `PostEvent` of its scheduler. It limits nothing by
    itself: the scheduler decides how many requests are out at once. It knows
    nothing of flows. All methods are called from the scheduler's one thread.
    """

    def submit(self, request: TaskRequest) -> None:
        """Accept the request and return soon; everything after that is an event.

        A request that cannot be started ends in `TaskFinished` with `Reason.REFUSED`,
        not in an exception. `request.id` must not be that of a request still running.
        """

    def cancel(self, request_id: str) -> None:
        """Stop the request and all that it started; its `TaskFinished` says `CANCELLED`.

        Does nothing if the request has finished or was never submitted: it may have
        finished while the call was on its way.
        """

    def close(self) -> None:
        """Stop every request at once and release everything.

        Blocks until no process, thread or job of this executor is left, and every
        request has had its `TaskFinished`. Safe to call twice.
        """
