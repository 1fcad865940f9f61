"""A debugger where a step failed."""

import pdb  # noqa: T100 - a debugger is what this module is for
import sys
import traceback
from types import FrameType, TracebackType

from flowstone_runtime.framework import framework_folders
from flowstone_runtime.tasks.user_traceback import is_user_code


class _PostMortem(pdb.Pdb):
    """Starts at the innermost line of the user's own code; the library's that it called are further down."""

    def setup(self, f: FrameType | None, tb: TracebackType | None) -> None:
        super().setup(f, tb)
        stack: list[tuple[FrameType, int]] = self.stack
        own = [index for index, (frame, _) in enumerate(stack) if is_user_code(frame.f_code.co_filename)]
        if own:
            self.curindex = own[-1]
            self.curframe = stack[self.curindex][0]
            self.curframe_locals = self.curframe.f_locals


def debug(error: BaseException) -> None:
    """Print the error and let the person at the terminal look around; returns when they quit."""
    trace = _without_framework(error.__traceback__)
    sys.stderr.write("".join(traceback.format_exception_only(error)))
    if trace is None:
        return
    debugger = _PostMortem()
    debugger.reset()
    debugger.interaction(None, trace)


def _without_framework(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's first frame on."""
    ours = framework_folders()
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return trace
