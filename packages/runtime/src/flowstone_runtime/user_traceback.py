"""A user's exception, told with the user's own frames only."""

import sys
import traceback
from pathlib import Path
from types import TracebackType

from flowstone_datastore import TaskError
from flowstone_interfaces import FlowstoneError


def report_error(error: BaseException) -> TaskError:
    """Describe `error` and where in the user's code it came from, without frames of ours.

    An error of ours explains itself: of it only the user's frames are told, not what it
    came from.
    """
    summary = traceback.TracebackException.from_exception(error)
    _trim(summary)
    text = (
        _told_by_itself(error, summary.stack) if isinstance(error, FlowstoneError) else "".join(summary.format())
    )
    return TaskError(_type_name(error), str(error), text, *_last_user_frame(error.__traceback__))


def _told_by_itself(error: FlowstoneError, stack: traceback.StackSummary) -> str:
    if not stack:
        return f"{error}\n"
    return f"Traceback (most recent call last):\n{''.join(stack.format())}{_type_name(error)}: {error}\n"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    is_plain = isinstance(error, FlowstoneError) or kind.__module__ in {"builtins", "__main__"}
    return kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"


def _trim(summary: traceback.TracebackException) -> None:
    seen: set[int] = set()
    waiting: list[traceback.TracebackException | None] = [summary]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list([f for f in part.stack if not _is_ours(f.filename)])
        waiting += [part.__cause__, part.__context__, *(part.exceptions or ())]


def _is_ours(filename: str) -> bool:
    parts = Path(filename).parts
    return any(part == "flowstone" or part.startswith("flowstone_") for part in parts[-3:-1])


def _last_user_frame(trace: TracebackType | None) -> tuple[str | None, int | None]:
    place: tuple[str | None, int | None] = (None, None)
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not _is_ours(filename) and not _is_library(filename):
            place = (filename, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _is_library(filename: str) -> bool:
    return "site-packages" in filename or filename.startswith((sys.base_prefix, "<frozen"))
