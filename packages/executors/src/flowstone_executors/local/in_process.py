"""Tasks in the scheduler's own process, one after the other: for debuggers and profilers."""

import os
import time
import traceback
from collections.abc import Callable

from flowstone_executors.job import Job, Program
from flowstone_interfaces import PostEvent, Reason, TaskFinished, TaskRequest, TaskStarted


class _DirectJob(Job):
    """A job whose result needs no pipe."""

    def __init__(self, payload: bytes, keep: Callable[[bytes], None]) -> None:
        super().__init__(payload)
        self._keep = keep

    def send_result(self, data: bytes) -> None:
        self._keep(data)


class InProcessExecutor:
    """Calls `program` within `submit`; nothing is isolated, captured or limited.

    The exception to `Executor.submit` returning soon: it returns when the task is
    over, so that `breakpoint()`, profilers and coverage see an ordinary call.
    Standard streams stay what they are; time limits and environment removal do not
    apply. Ctrl-C ends the task as cancelled and goes on to the caller.
    """

    def __init__(self, post: PostEvent, program: Program) -> None:
        self._post = post
        self._program = program

    def submit(self, request: TaskRequest) -> None:
        """Run the request to its end."""
        results: list[bytes] = []
        status = 1
        reason = Reason.EXITED
        environ = dict(os.environ)
        os.environ.update(request.environ)
        self._post(TaskStarted(request.id, f"pid {os.getpid()}"))
        started = time.process_time()
        try:
            status = self._program(_DirectJob(request.payload, results.append))
        except KeyboardInterrupt:
            reason = Reason.CANCELLED
            raise
        except Exception:  # noqa: BLE001 - a program's fault ends its task, not the scheduler
            traceback.print_exc()
        finally:
            os.environ.clear()
            os.environ.update(environ)
            self._post(
                TaskFinished(
                    request.id,
                    reason,
                    exit_code=status,
                    result=results[-1] if results else None,
                    cpu_seconds=time.process_time() - started,
                )
            )

    def cancel(self, request_id: str) -> None:
        """Nothing to do: whatever was submitted is over."""

    def close(self) -> None:
        """Nothing to do: nothing is left open."""
