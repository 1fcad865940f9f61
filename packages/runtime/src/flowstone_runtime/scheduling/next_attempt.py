"""What follows a failed attempt: another one, one that only catches the failure, or nothing."""

import attrs

from flowstone_datastore import TaskFailed
from flowstone_graph import Node
from flowstone_interfaces import Reason
from flowstone_runtime.decorators.catch import Catch
from flowstone_runtime.decorators.retry import Retry
from flowstone_runtime.scheduling.ready_queue import Attempt

MOST_LOST = 5
"""So many machines may be lost under one task before it counts as its failure."""

_NO_CRASHES = {Reason.CANCELLED, Reason.REFUSED}
"""Ends that nobody wants to be tried again or caught: the run was stopped, or the task cannot be started."""


@attrs.frozen
class NextAttempt:
    """Another try."""

    attempt: Attempt
    wait_seconds: float


def next_attempt(
    node: Node,
    failed: Attempt,
    record: TaskFailed,
    reason: Reason,
    *,
    is_reported: bool,
    is_far: bool = False,
) -> NextAttempt | None:
    """What follows `failed`; `None` if the task has failed for good.

    `is_reported` says that the task lived to tell what happened: `record.will_retry` is then its own decision.
    `is_far` says that it ran on another machine: one that is lost with it is replaced, which is no retry of the
    user's.
    """
    again = attrs.evolve(failed, number=failed.number + 1)
    if not is_reported:
        return _after_crash(node, again, record, reason, is_far=is_far)
    retry = retry_of(node)
    return NextAttempt(again, retry.wait_seconds(_own(failed))) if retry and record.will_retry else None


def _after_crash(
    node: Node, again: Attempt, record: TaskFailed, reason: Reason, *, is_far: bool
) -> NextAttempt | None:
    """What follows an attempt that ended without a word; `again` is the next one."""
    if reason is Reason.LOST and is_far and again.lost < MOST_LOST:
        return NextAttempt(attrs.evolve(again, lost=again.lost + 1), 0.0)
    if reason in _NO_CRASHES or again.failure is not None:
        return None
    retry = retry_of(node)
    failures = _own(again) - 1
    if retry and failures < retry.times and retry.wants_after_crash(reason):
        return NextAttempt(again, retry.wait_seconds(failures))
    if any(isinstance(decorator, Catch) for decorator in node.decorators):
        why = record.error.message if record.error else reason.value
        return NextAttempt(attrs.evolve(again, failure=why), 0.0)
    return None


def _own(attempt: Attempt) -> int:
    """Its number, as `@retry` counts."""
    return attempt.number - attempt.lost


def retry_of(node: Node) -> Retry | None:
    """The step's `@retry`, if it has one."""
    return next((decorator for decorator in node.decorators if isinstance(decorator, Retry)), None)
