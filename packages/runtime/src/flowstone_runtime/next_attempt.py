"""What follows a failed attempt: another one, one that only catches the failure, or nothing."""

import attrs

from flowstone_datastore import TaskFailed
from flowstone_graph import Node
from flowstone_interfaces import Reason
from flowstone_runtime.decorators.catch import Catch
from flowstone_runtime.decorators.retry import Retry
from flowstone_runtime.ready_queue import Attempt

_NO_CRASHES = {Reason.CANCELLED, Reason.REFUSED}
"""Ends that nobody wants to be tried again or caught: the run was stopped, or the task cannot be started."""


@attrs.frozen
class NextAttempt:
    """Another try."""

    attempt: Attempt
    wait_seconds: float


def next_attempt(
    node: Node, failed: Attempt, record: TaskFailed, reason: Reason, *, is_reported: bool
) -> NextAttempt | None:
    """What follows `failed`; `None` if the task has failed for good.

    `is_reported` says that the task lived to tell what happened: `record.will_retry` is then its own decision.
    """
    again = attrs.evolve(failed, number=failed.number + 1)
    retry = retry_of(node)
    if is_reported:
        return NextAttempt(again, retry.wait_seconds(failed.number)) if retry and record.will_retry else None
    if reason in _NO_CRASHES or failed.failure is not None:
        return None
    if retry and failed.number < retry.times and retry.wants_after_crash(reason):
        return NextAttempt(again, retry.wait_seconds(failed.number))
    if any(isinstance(decorator, Catch) for decorator in node.decorators):
        why = record.error.message if record.error else reason.value
        return NextAttempt(attrs.evolve(again, failure=why), 0.0)
    return None


def retry_of(node: Node) -> Retry | None:
    """The step's `@retry`, if it has one."""
    return next((decorator for decorator in node.decorators if isinstance(decorator, Retry)), None)
