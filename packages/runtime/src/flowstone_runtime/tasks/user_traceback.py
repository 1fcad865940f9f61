"""A user's exception, told with the user's own frames only."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from flowstone_datastore import TaskError
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.framework import framework_folders

_LIBRARIES = (str(Path(os.__file__).parent) + os.sep, "<frozen")


def report_error(error: BaseException) -> TaskError:
    """Describe `error` and where in the user's code it came from, without frames of ours.

    An error of ours explains itself: of it only the user's frames are told, not what it
    came from.
    """
    summary = traceback.TracebackException.from_exception(error)
    _trim(summary)
    message = _message(error)
    if isinstance(error, FlowstoneError):
        text = _told_by_itself(error, message, summary.stack)
    else:
        text = "".join(summary.format())
    return TaskError(_type_name(error), message, text, *_last_user_frame(error.__traceback__))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as own:  # noqa: BLE001 - a user's `__str__` may raise anything
        return f"(its text cannot be shown: {type(own).__name__})"


def _told_by_itself(error: FlowstoneError, message: str, stack: traceback.StackSummary) -> str:
    users = traceback.StackSummary.from_list([frame for frame in stack if is_user_code(frame.filename)])
    if not users:
        return f"{message}\n"
    return f"Traceback (most recent call last):\n{''.join(users.format())}{_type_name(error)}: {message}\n"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    is_plain = isinstance(error, FlowstoneError) or kind.__module__ in {"builtins", "__main__"}
    return kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"


def _trim(summary: traceback.TracebackException) -> None:
    ours = framework_folders()
    seen: set[int] = set()
    waiting: list[traceback.TracebackException | None] = [summary]
    while waiting:
        part = waiting.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list([f for f in part.stack if not f.filename.startswith(ours)])
        waiting += [part.__cause__, part.__context__]
        if sys.version_info >= (3, 11):
            waiting += part.exceptions or ()


def _last_user_frame(trace: TracebackType | None) -> tuple[str | None, int | None]:
    place: tuple[str | None, int | None] = (None, None)
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if is_user_code(filename):
            place = (filename, trace.tb_lineno)
        trace = trace.tb_next
    return place


def is_user_code(filename: str) -> bool:
    """True for a file that is neither a library's nor ours."""
    is_library = filename.startswith(_LIBRARIES) or "site-packages" in filename or "dist-packages" in filename
    return not is_library and not filename.startswith(framework_folders())
