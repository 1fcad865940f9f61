"""Tasks as jobs of Slurm: an executor that is not flowstone's own.

The machines share a folder, as those of a Slurm cluster do; in it, each job has a folder with its program, its
payload, what it prints and its result. One thread asks Slurm about all jobs at once.
"""

import getpass
import math
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from flowstone_executors.job import PAYLOAD_FD_VARIABLE, RESULT_FD_VARIABLE, decode_result
from flowstone_interfaces import (
    ExecutorPlace,
    PostEvent,
    Reason,
    Stream,
    TaskFinished,
    TaskLog,
    TaskRequest,
    TaskStarted,
)

_ASK_SECONDS = 0.5
_STATES = {"CANCELLED": Reason.CANCELLED, "TIMEOUT": Reason.TIMED_OUT, "OUT_OF_MEMORY": Reason.OUT_OF_MEMORY}
_LOST = {"BOOT_FAIL", "DEADLINE", "NODE_FAIL", "PREEMPTED", "REVOKED"}
_ENDED = {*_STATES, *_LOST, "COMPLETED", "FAILED"}


@attrs.define
class _Job:
    """A request that Slurm has."""

    request: TaskRequest
    number: str
    folder: Path
    started: float | None = None
    is_cancelled: bool = False
    read: dict[Stream, int] = attrs.field(factory=lambda: dict.fromkeys(Stream, 0))

    def output(self) -> Iterator[TaskLog]:
        """What was printed since the last look."""
        for stream in Stream:
            with (self.folder / stream.value).open("rb") as file:
                file.seek(self.read[stream])
                if data := file.read():
                    self.read[stream] += len(data)
                    yield TaskLog(self.request.id, stream, data)

    @property
    def is_late(self) -> bool:
        """Whether it runs for longer than it may: Slurm itself counts in minutes."""
        limit = self.request.timeout_seconds
        return limit is not None and self.started is not None and time.monotonic() - self.started > limit

    def ended(self, state: str, status: int) -> TaskFinished:
        """What became of it, by Slurm's word for it and the status that its program left."""
        code = os.waitstatus_to_exitcode(status)
        reason = Reason.EXITED if code >= 0 else Reason.SIGNALLED
        message = f"Slurm job {self.number}: {state}"
        if state in _LOST:
            reason = Reason.LOST
        elif state != "COMPLETED" and (self.is_cancelled or self.is_late):
            reason = Reason.CANCELLED if self.is_cancelled else Reason.TIMED_OUT
        elif (
            b"memory limit" in (self.folder / "stderr").read_bytes()[-10_000:]
        ):  # how Slurm without cgroups says it
            reason = Reason.OUT_OF_MEMORY
        elif state in _STATES:
            reason = _STATES[state]
        result = self.folder / "result"
        data = decode_result(result.read_bytes()) if result.exists() else None
        return TaskFinished(self.request.id, reason, code, data, message)


class SlurmExecutor:
    """Runs each request as a job of Slurm, by `sbatch`.

    Settings, in the table `[tool.flowstone.slurm]`: `folder` is one that all machines see (`~/.flowstone-slurm`),
    `options` are more words for `sbatch`, such as `["--partition=gpu"]`.
    """

    def __init__(self, post: PostEvent, place: ExecutorPlace) -> None:
        self._post = post
        self._options = [str(option) for option in place.settings.get("options", ())]
        parent = Path(place.settings.get("folder", "~/.flowstone-slurm")).expanduser()
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=parent, prefix="run-"))
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None

    def submit(self, request: TaskRequest) -> None:
        """See `Executor.submit`."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        for stream in Stream:
            (folder / stream.value).touch()
        (folder / "payload").write_bytes(request.payload)
        (folder / "job.sh").write_text(_script(request, folder), encoding="utf-8")
        words = ["sbatch", "--parsable", *self._options, *_options(request, folder), str(folder / "job.sh")]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        if answer.returncode:
            self._post(TaskFinished(request.id, Reason.REFUSED, message=answer.stderr.strip()))
            return
        job = _Job(request, answer.stdout.strip().partition(";")[0], folder)
        with self._lock:
            self._jobs[job.number] = job
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="slurm", daemon=True)
                self._watcher.start()

    def cancel(self, request_id: str) -> None:
        """See `Executor.cancel`."""
        self._cancel([job for job in self._running() if job.request.id == request_id])

    def close(self) -> None:
        """See `Executor.close`."""
        self._cancel(self._running())
        while self._watcher is not None:
            time.sleep(_ASK_SECONDS / 10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _running(self) -> list[_Job]:
        with self._lock:
            return [*self._jobs.values()]

    def _cancel(self, jobs: list[_Job]) -> None:
        for job in jobs:
            job.is_cancelled = True
        if jobs:
            subprocess.run(["scancel", *[job.number for job in jobs]], capture_output=True, check=False)

    def _watch(self) -> None:
        """Until there is no job left."""
        while True:
            with self._lock:
                if not self._jobs:
                    self._watcher = None
                    return
            jobs = self._running()
            known = _ask()
            for job in jobs if known is not None else ():
                # Slurm forgets what ended minutes ago: nobody asked, for instance while this machine slept.
                self._note(job, *(known or {}).get(job.number, ("REVOKED", "0", "")))
            time.sleep(_ASK_SECONDS)

    def _note(self, job: _Job, state: str, status: str, host: str) -> None:
        if job.started is None and (state == "RUNNING" or state in _ENDED - {"CANCELLED"}):
            job.started = time.monotonic()
            self._post(TaskStarted(job.request.id, f"Slurm job {job.number} on {host}"))
        for log in job.output():
            self._post(log)
        if job.is_late and state == "RUNNING":
            subprocess.run(["scancel", job.number], capture_output=True, check=False)
        if state in _ENDED:
            with self._lock:
                del self._jobs[job.number]
            self._post(job.ended(state, int(status)))
            shutil.rmtree(job.folder, ignore_errors=True)


def _ask() -> dict[str, tuple[str, str, str]] | None:
    """State, status and machine of each job of mine; `None` if Slurm does not answer now."""
    fields = "JobID:20,State:20,exit_code:12,BatchHost:60"
    words = ["squeue", "--noheader", "--states=all", f"--user={getpass.getuser()}", f"--Format={fields}"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    found = (line.split() for line in answer.stdout.splitlines())
    return {number: (state, status, " ".join(host)) for number, state, status, *host in found}


def _options(request: TaskRequest, folder: Path) -> list[str]:
    needs = request.resources
    wanted = {
        "job-name": request.id,
        "output": folder / "stdout",
        "error": folder / "stderr",
        "cpus-per-task": None if needs.cpus is None else math.ceil(needs.cpus),
        "mem": needs.memory_mib,
        "gres": f"gpu:{needs.gpus}" if needs.gpus else None,
        "tmp": needs.disk_mib,
        "time": None if request.timeout_seconds is None else 1 + math.ceil(request.timeout_seconds / 60),
    }
    return ["--no-requeue", *[f"--{name}={value}" for name, value in wanted.items() if value is not None]]


def _script(request: TaskRequest, folder: Path) -> str:
    """The program, with its payload and a place for its result at descriptors that it is told."""
    variables = {**request.environ, PAYLOAD_FD_VARIABLE: "8", RESULT_FD_VARIABLE: "9"}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    files = [shlex.quote(str(folder / name)) for name in ("payload", "result")]
    return "\n".join(
        ["#!/bin/sh", *exports, f"exec 8<{files[0]} 9>{files[1]}", f"exec {shlex.join(request.argv)}", ""]
    )
