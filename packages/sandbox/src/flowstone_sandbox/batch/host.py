"""Where attempts run: as processes of this machine, each in a folder of its own that goes when it ends.

What a container would bring is left out: the image names a folder of programs at most, the file system is that
of the machine. The environment is what the job was given and nothing of the sandbox's own.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from flowstone_sandbox.batch.job import Attempt, Job
from flowstone_sandbox.logs import LogDelivery
from flowstone_sandbox.options import SandboxOptions
from flowstone_sandbox.processes import Command, Ending, Processes


@attrs.define
class _Place:
    """Where one attempt is at home."""

    region: str
    folder: Path
    is_lost: bool = False


class JobHost:
    """Runs the attempts of jobs; it is told of its processes and tells of attempts."""

    def __init__(
        self, options: SandboxOptions, folder: Path, variables: Mapping[str, str], logs: LogDelivery
    ) -> None:
        self.missing_images: frozenset[str] = frozenset()
        """Images that cannot be had."""
        self._options = options
        self._folder = folder
        self._variables = variables
        self._logs = logs
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._processes = Processes(self)
        self._ended: Callable[[str, Ending], None] | None = None

    def open(self, ended: Callable[[str, Ending], None]) -> None:
        """Be ready; `ended` is called with an attempt's log stream and its end."""
        self._ended = ended
        self._processes.__enter__()

    def close(self) -> None:
        """End everything that runs, and wait for it."""
        self._processes.__exit__()

    def start(self, job: Job, attempt: Attempt) -> None:
        """Begin an attempt; `ended` is called later, from another thread, however it goes."""
        stream = attempt.log_stream
        folder = self._folder / stream.rpartition("/")[2]
        place = _Place(job.submission.region, folder)
        with self._lock:
            self._places[stream] = place
        image = job.submission.container.get("image", "")
        if image in self.missing_images:
            reason = f"CannotPullContainerError: Error response from daemon: manifest for {image} not found"
            self._processes.refuse(stream, reason)
            return
        self._logs.open_stream(place.region, stream)
        (folder / "tmp").mkdir(parents=True, mode=0o700)
        self._processes.start(
            stream,
            Command(
                job.submission.command or ("true",),
                self._environment(job, attempt, folder, image),
                folder,
                job.submission.need.memory_mib,
                job.submission.timeout_seconds,
                self._options.stop_seconds,
            ),
        )

    def _environment(self, job: Job, attempt: Attempt, folder: Path, image: str) -> dict[str, str]:
        programs = self._options.images.get(image)
        devices = ",".join(map(str, attempt.gpus))
        found = {
            "PATH": f"{programs}:{self._options.path}" if programs else self._options.path,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "HOSTNAME": "sandbox",
            **self._variables,
            "AWS_REGION": job.submission.region,
            "AWS_DEFAULT_REGION": job.submission.region,
            "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
            "CUDA_VISIBLE_DEVICES": devices,
            "NVIDIA_VISIBLE_DEVICES": devices or "void",
            **job.submission.variables,
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(attempt.number),
            "AWS_BATCH_JQ_NAME": job.submission.queue_name,
            "AWS_BATCH_CE_NAME": job.submission.environment_name,
        }
        if job.index is not None:
            found["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
            found["AWS_BATCH_JOB_ARRAY_SIZE"] = str(job.submission.size)
        return found

    def stop(self, attempt: Attempt) -> None:
        """Ask it to end, and see that it does."""
        self._processes.stop(attempt.log_stream)

    def lose(self, attempt: Attempt) -> None:
        """End it at once, as a host that goes away does."""
        with self._lock:
            place = self._places.get(attempt.log_stream)
            if place is not None:
                place.is_lost = True
        self._processes.kill(attempt.log_stream)

    def lines_came(self, process: str, events: list[tuple[int, str]]) -> None:
        """Pass on what an attempt printed."""
        with self._lock:
            place = self._places.get(process)
        if place is not None:
            self._logs.deliver(place.region, process, events)

    def process_ended(self, process: str, ending: Ending) -> None:
        """Tidy up after an attempt, and tell of it."""
        with self._lock:
            place = self._places.pop(process)
        shutil.rmtree(place.folder, ignore_errors=True)
        if place.is_lost and ending.exit_code:
            ending = Ending(ending.exit_code, "lost")
        elif ending.cause == "refused" and not ending.reason.startswith("Cannot"):
            ending = attrs.evolve(
                ending, reason=f"CannotStartContainerError: Error response from daemon: {ending.reason}"
            )
        assert self._ended is not None
        self._ended(process, ending)
