"""All jobs, and which of them runs next.

One lock guards everything. What takes time, to start and to stop processes, is done by the warden; here
an event costs as much as there are jobs waiting for it, and a look at a job costs nothing.
"""

import heapq
import itertools
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Protocol

from flowstone_sandbox.batch.capacity import Capacity
from flowstone_sandbox.batch.errors import InvalidRequestError
from flowstone_sandbox.batch.job import EXITED, Attempt, Job, Status, Submission
from flowstone_sandbox.batch.outcome import note_end
from flowstone_sandbox.batch.retry import Outcome
from flowstone_sandbox.processes import Ending

LOOK_AHEAD = 64
"""How many jobs that do not fit are passed over for smaller ones behind them."""


class Host(Protocol):
    """Where attempts run."""

    def start(self, job: Job, attempt: Attempt) -> None:
        """Begin; `Jobs.attempt_ended` is called later, from another thread, however it goes."""

    def stop(self, attempt: Attempt) -> None:
        """Ask it to end, and see that it does."""

    def lose(self, attempt: Attempt) -> None:
        """End it at once, as a host that goes away does."""


class Jobs:
    """The jobs of a sandbox."""

    def __init__(self, capacity: Capacity, host: Host, account: str) -> None:
        self.lock = threading.RLock()
        self._whole = capacity
        self._free = capacity
        self._host = host
        self._account = account
        self._jobs: dict[str, Job] = {}
        self._by_queue: dict[str, list[Job]] = defaultdict(list)
        self._ready: list[tuple[int, int, Job]] = []
        self._numbers = itertools.count()
        self._waiting: dict[str, list[Job]] = defaultdict(list)
        self._running: dict[str, Job] = {}

    def find(self, job_id: str) -> Job | None:
        """The job of this id or ARN."""
        return self._jobs.get(job_id.rpartition("/")[2])

    def of_queue(self, queue_arn: str) -> list[Job]:
        """Jobs and arrays of a queue, the oldest first; no children."""
        return list(self._by_queue[queue_arn])

    def submit(self, submission: Submission) -> Job:
        """Take a job.

        Raises:
            InvalidRequestError: it depends on a job that there is not.
        """
        with self.lock:
            for dependency in submission.depends_on:
                if dependency.job_id is not None and self.find(dependency.job_id) is None:
                    raise InvalidRequestError(f"Job {dependency.job_id} does not exist: it cannot be depended on")
            job = Job(str(uuid.uuid4()), submission, _now())
            self._jobs[job.id] = job
            self._by_queue[submission.queue_arn].append(job)
            if job.is_array:
                self._spread(job)
            else:
                self._await(job, _awaited(job))
            self._place()
            return job

    def _spread(self, array: Job) -> None:
        is_sequential = any(item.kind == "SEQUENTIAL" for item in array.submission.depends_on)
        array.children = [
            Job(f"{array.id}:{index}", array.submission, array.created_at, index, array)
            for index in range(array.submission.size or 0)
        ]
        array.counts[Status.SUBMITTED] = len(array.children)
        array.status = Status.PENDING
        self._jobs.update((child.id, child) for child in array.children)
        for before, child in zip([None, *array.children], array.children, strict=False):
            awaited = _awaited(child)
            if is_sequential and before is not None:
                awaited.add(before.id)
            self._await(child, awaited)

    def _await(self, job: Job, awaited: set[str]) -> None:
        for name in awaited:
            other = self._jobs.get(name)
            if other is None:
                self._end(job, Status.FAILED, f"Dependent Job {name} does not exist")
                return
            if other.status is Status.FAILED:
                self._end(job, Status.FAILED, "Dependent Job failed")
                return
            if not other.status.is_final:
                job.awaited.add(name)
                self._waiting[name].append(job)
        if job.awaited:
            self._move(job, Status.PENDING)
        else:
            self._make_ready(job)

    def _make_ready(self, job: Job) -> None:
        self._move(job, Status.RUNNABLE)
        if not self._whole.holds(job.submission.need):
            job.status_reason = (
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job's resource requirements are more than "
                "the compute environment has"
            )
        heapq.heappush(self._ready, (-job.submission.queue_priority, next(self._numbers), job))

    def _place(self) -> None:
        """Start what fits, in order, small ones before large ones that do not."""
        passed: list[tuple[int, int, Job]] = []
        while self._ready and self._free.slots and len(passed) < LOOK_AHEAD:
            item = heapq.heappop(self._ready)
            job = item[2]
            if job.status is not Status.RUNNABLE:
                continue
            if self._free.holds(job.submission.need):
                self._start(job)
            else:
                passed.append(item)
        for item in passed:
            heapq.heappush(self._ready, item)

    def _start(self, job: Job) -> None:
        task = uuid.uuid4().hex
        submission = job.submission
        attempt = Attempt(
            len(job.attempts) + 1,
            f"{submission.definition_name}/default/{task}",
            f"arn:aws:ecs:{submission.region}:{self._account}:task/{submission.environment_name}/{task}",
        )
        self._free, attempt.gpus = self._free.less(submission.need)
        job.attempts.append(attempt)
        job.status_reason = None
        self._running[attempt.log_stream] = job
        self._move(job, Status.STARTING)
        self._host.start(job, attempt)
        attempt.started_at = _now()
        job.started_at = attempt.started_at
        self._move(job, Status.RUNNING)

    def attempt_ended(self, log_stream: str, ending: Ending) -> None:
        """Take note of how an attempt ended; try again or be done with the job."""
        with self.lock:
            job = self._running.pop(log_stream, None)
            if job is None:  # all was forgotten meanwhile
                return
            attempt = job.attempts[-1]
            self._free = self._free.more(job.submission.need, attempt.gpus)
            attempt.stopped_at = _now()
            self._decide(job, attempt, note_end(attempt, ending), ending)
            self._place()

    def _decide(self, job: Job, attempt: Attempt, outcome: Outcome, ending: Ending) -> None:
        if job.end_reason is not None:
            self._end(job, Status.FAILED, job.end_reason)
        elif ending.exit_code == 0 and ending.cause == "exited":
            self._end(job, Status.SUCCEEDED, EXITED)
        elif ending.cause != "timeout" and job.submission.retry.tries_again(attempt.number, outcome):
            self._make_ready(job)
        else:
            self._end(job, Status.FAILED, outcome.status_reason)

    def _end(self, job: Job, status: Status, reason: str | None) -> None:
        """End a job and, as it follows, those that waited for it and the array it is of.

        Not by recursion: chains of jobs are long.
        """
        ends = [(job, status, reason)]
        while ends:
            ended, state, why = ends.pop()
            if ended.status.is_final:
                continue
            ended.status_reason = why
            ended.stopped_at = _now()
            self._move(ended, state)
            ends.extend(self._consequences(ended))

    def _consequences(self, ended: Job) -> Iterator[tuple[Job, Status, str | None]]:
        for waiting in self._waiting.pop(ended.id, []):
            waiting.awaited.discard(ended.id)
            if waiting.status.is_final:
                continue
            if ended.status is Status.FAILED:
                yield waiting, Status.FAILED, "Dependent Job failed"
            elif not waiting.awaited:
                self._make_ready(waiting)
        array = ended.parent
        if array is not None and not array.status.is_final:
            failed = array.counts[Status.FAILED]
            if failed + array.counts[Status.SUCCEEDED] == len(array.children):
                reason = array.end_reason or ("Array Child Job failed" if failed else None)
                yield array, Status.FAILED if failed else Status.SUCCEEDED, reason

    def _move(self, job: Job, status: Status) -> None:
        if job.parent is not None:
            job.parent.counts[job.status] -= 1
            job.parent.counts[status] += 1
            if status is Status.RUNNING and job.parent.started_at is None:
                job.parent.started_at = _now()
        job.status = status

    def cancel(self, job: Job, reason: str) -> None:
        """End what has not begun; what has, goes on."""
        with self.lock:
            for one in job.children if job.is_array else [job]:
                if not one.status.is_final and not one.status.has_begun:
                    one.is_cancelled = True
                    self._end(one, Status.FAILED, reason)
            job.is_cancelled = job.is_cancelled or job.is_array

    def terminate(self, job: Job, reason: str) -> None:
        """End it wherever it stands; what runs gets SIGTERM first."""
        with self.lock:
            if job.status.is_final:
                return
            job.end_reason = job.end_reason or reason
            job.is_terminated = True
            for one in job.children if job.is_array else [job]:
                if one.status.is_final:
                    continue
                one.end_reason = one.end_reason or reason
                one.is_terminated = True
                if one.status.has_begun:
                    self._host.stop(one.attempts[-1])
                else:
                    self._end(one, Status.FAILED, reason)
            self._place()

    def interrupt(self, job: Job) -> int:
        """Take the host away under a job, or under every running child; how many ran."""
        with self.lock:
            running = [one for one in (job.children or [job]) if one.status is Status.RUNNING]
            for one in running:
                self._host.lose(one.attempts[-1])
            return len(running)

    def forget(self) -> None:
        """End everything that runs, and know of nothing any more."""
        with self.lock:
            for job in self._running.values():
                self._host.lose(job.attempts[-1])
            self._running.clear()
            self._jobs.clear()
            self._by_queue.clear()
            self._waiting.clear()
            self._ready.clear()
            self._free = self._whole

    def count(self) -> dict[str, int]:
        """How many jobs stand where, children counted, arrays not."""
        with self.lock:
            found = dict.fromkeys(map(str, Status), 0)
            for job in self._jobs.values():
                if not job.is_array:
                    found[job.status] += 1
            return found


def _awaited(job: Job) -> set[str]:
    found = (dependency.awaited_by(job.index) for dependency in job.submission.depends_on)
    return {name for name in found if name is not None}


def _now() -> int:
    return int(time.time() * 1000)
