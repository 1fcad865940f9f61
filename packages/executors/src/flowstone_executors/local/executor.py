"""Tasks as processes of this machine, and nothing left of them at the end."""

import shutil

from flowstone_executors.job import Program
from flowstone_executors.local.supervisor import Supervisor
from flowstone_executors.local.zygote import Launch, launch_zygote, start_zygote
from flowstone_interfaces import PostEvent, Reason, TaskFinished, TaskRequest


class LocalExecutor:
    """Runs each request in a process of its own on this machine (Linux, macOS).

    With a `program`, a task is a fork of the process that called `open`, with all its
    imports done, and calls `program`; without, it is a fresh process that executes the
    request's `argv` and finds its job by `inherited_job`. With `launch`, it is a fork of
    another interpreter, started when the first request comes, that calls `serve_launched`.

    Each task leads a session of its own: when it ends, is cancelled, or its scheduler
    dies in whatever way, every process that it started and that has not left its
    group dies with it. Standard input is empty. A pause of the scheduler loses no
    output: tasks wait when their pipe is full.
    """

    def __init__(self, post: PostEvent, program: Program | None = None, launch: Launch | None = None) -> None:
        self._post = post
        self._program = program
        self._launch = launch
        self._supervisor: Supervisor | None = None

    def open(self) -> None:
        """Fork the zygote. Call it before this process starts any thread; the first request starts one."""
        zygote = start_zygote(self._program) if self._launch is None else launch_zygote(self._launch)
        self._supervisor = Supervisor(zygote, self._post)

    def submit(self, request: TaskRequest) -> None:
        """See `Executor.submit`; opens the executor if that was not done."""
        program = None if self._program is not None else (self._launch or request).argv[0]
        if program is not None and shutil.which(program) is None:
            message = f"there is no program {program!r} on this machine"
            self._post(TaskFinished(request.id, Reason.REFUSED, message=message))
            return
        if self._supervisor is None:
            self.open()
        assert self._supervisor is not None
        self._supervisor.submit(request)

    def cancel(self, request_id: str) -> None:
        """See `Executor.cancel`."""
        if self._supervisor is not None:
            self._supervisor.cancel(request_id)

    def close(self) -> None:
        """See `Executor.close`."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
