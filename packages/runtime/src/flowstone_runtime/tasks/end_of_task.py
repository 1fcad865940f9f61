"""What the journal says of an attempt that has ended."""

import signal
import time

import attrs

from flowstone_datastore import InvalidRecordError, LogSpan, Record, TaskError, TaskFailed, TaskFinished
from flowstone_datastore.record_line import from_line
from flowstone_graph import TaskKey
from flowstone_interfaces import Reason
from flowstone_interfaces import TaskFinished as TaskFinishedEvent

_SIGNALS = {
    signal.SIGKILL: "SIGKILL; if nobody killed it, the machine ran out of memory",
    signal.SIGSEGV: "SIGSEGV (segmentation fault in compiled code)",
}


@attrs.frozen
class EndOfTask:
    """The record of an attempt's end."""

    record: TaskFinished | TaskFailed
    is_reported: bool
    """True if the task itself told it; else its process ended without a word."""


def end_of_task(
    event: TaskFinishedEvent, key: TaskKey, attempt: int, logs: LogSpan | None, seconds: float
) -> EndOfTask:
    """The task's own record, if it sent one that can count; else what the executor saw."""
    reported = _reported(event)
    succeeded = event.reason is Reason.EXITED and event.exit_code == 0
    if (isinstance(reported, TaskFinished) and succeeded) or isinstance(reported, TaskFailed):
        record = attrs.evolve(
            reported, logs=logs, cpu_seconds=event.cpu_seconds, max_memory_mib=event.max_memory_mib
        )
        return EndOfTask(record, is_reported=True)
    failed = TaskFailed(
        time=time.time(),
        step=key.step,
        task=key.id,
        attempt=attempt,
        error=TaskError("", _why(event)),
        reason=event.reason.value,
        exit_code=event.exit_code,
        seconds=seconds,
        cpu_seconds=event.cpu_seconds,
        max_memory_mib=event.max_memory_mib,
        logs=logs,
    )
    return EndOfTask(failed, is_reported=False)


def _reported(event: TaskFinishedEvent) -> Record | None:
    """The record that the worker sent; `None` if it sent none, or something else."""
    if event.result is None:
        return None
    try:
        return from_line(event.result.removesuffix(b"\n"))
    except InvalidRecordError as error:
        import logging  # 3 ms, for what hardly ever happens

        logging.getLogger(__name__).warning("the task %s sent what is no record: %s", event.request_id, error)
        return None


def _why(event: TaskFinishedEvent) -> str:
    """One sentence on an attempt that ended without a record of its own."""
    if event.message:
        return event.message
    if event.reason is Reason.CANCELLED:
        return "it was stopped before it ended"
    if event.reason is Reason.SIGNALLED and event.exit_code is not None:
        return f"its process was killed by {_signal_name(-event.exit_code)}"
    return f"its process ended with exit code {event.exit_code} before the step was over"


def _signal_name(number: int) -> str:
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    return _SIGNALS.get(known, known.name)
