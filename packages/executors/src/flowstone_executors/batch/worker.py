"""What the executor's thread does: submit what waits, look at what runs, tell what has ended."""

import logging
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from flowstone_executors.batch.array import ENDED, RUNNING, Child, JobArray, hundreds
from flowstone_executors.batch.aws import LOG_GROUP, AwsBatch, is_passing, is_throttled
from flowstone_executors.batch.earlier import EarlierJobs
from flowstone_executors.batch.errors import BatchRequestError, BatchSupportMissingError
from flowstone_executors.batch.grouping import groups
from flowstone_executors.batch.output import Output
from flowstone_executors.batch.pace import Pace
from flowstone_executors.batch.submission import Submission, new_submission
from flowstone_executors.batch.taking_over import end_jobs, take_over
from flowstone_interfaces import (
    ExecutorPlace,
    FlowstoneError,
    PostEvent,
    Reason,
    TaskFinished,
    TaskRequest,
    TaskStarted,
)

_STOPPED = "flowstone: the run was stopped"
_READERS = 8
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_TRIES = 20
_SHOWN_AT_ONCE = 10
"""Jobs whose output is asked for in one turn: an account may ask some 25 times a second."""
_SHOWN_FROM_SECONDS = 1.0
"""What a shorter job prints comes with its end."""
_UNKNOWN_SECONDS = 120.0
_log = logging.getLogger(__name__)


class Worker:
    """Everything that is under way. For one thread; only ends are read by others, one job by one."""

    def __init__(self, post: PostEvent, place: ExecutorPlace, aws: AwsBatch, name: str) -> None:
        self._post = post
        self._place = place
        self._aws = aws
        self._output = Output(post, aws, place.settings.get("log_group", LOG_GROUP))
        self._name = name
        self._numbers = count()
        self._waiting: list[Submission] = []
        self._arrays: list[JobArray] = []
        self._by_request: dict[str, Child] = {}
        self._pace = Pace()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="ends of jobs")
        self._earlier: EarlierJobs | None = None
        self._turns = 0
        self._is_ending = False

    @property
    def has_jobs(self) -> bool:
        """Whether anything has not ended."""
        return bool(self._waiting or self._arrays)

    def seconds_to_wait(self) -> float:
        """How long nothing needs to be done."""
        now = time.monotonic()
        times = [each.due for each in self._waiting] + ([self._pace.due] if self._arrays else [])
        return max(0.0, min(times) - now) if times else 3600.0

    def close(self) -> None:
        """Wait until all ends are told."""
        self._readers.shutdown()
        self._end_what_is_left()

    def give_up(self, why: str) -> None:
        """Tell the end of everything, though jobs may go on."""
        reason = Reason.CANCELLED if self._is_ending else Reason.LOST
        for waiting in self._waiting:
            self._refuse(waiting.requests, reason, why)
        self._waiting.clear()
        for array in list(self._arrays):
            self._forget(array, reason, f"the Batch job {array.job_id} may still run: {why}; look at it there")

    # Orders

    def submit(self, requests: Sequence[TaskRequest]) -> None:
        """Take requests on."""
        for group in groups(self._without_taken_over(requests)):
            if self._is_ending:
                self._refuse(group, Reason.CANCELLED, "")
                continue
            try:
                made = new_submission(
                    group, self._place.settings, self._place.run, f"{self._name}-{next(self._numbers)}"
                )
            except (BatchRequestError, TypeError, ValueError) as error:
                self._refuse(group, Reason.REFUSED, str(error))
            else:
                self._waiting.append(made)

    def cancel(self, request_id: str) -> None:
        """End one request."""
        for waiting in self._waiting:
            for request in waiting.requests:
                if request.id == request_id and not waiting.is_unsure:
                    waiting.requests.remove(request)
                    waiting.is_staged = False
                    self._refuse([request], Reason.CANCELLED, "")
        self._waiting = [each for each in self._waiting if each.requests]
        child = self._by_request.get(request_id)
        if child is not None:
            child.is_cancelled = True
            self._terminate(child.job_id)

    def end_all(self) -> None:
        """End everything."""
        self._is_ending = True
        unsure = [each for each in self._waiting if each.is_unsure]
        for waiting in self._waiting:
            if not waiting.is_unsure:
                self._refuse(waiting.requests, Reason.CANCELLED, "")
        self._waiting = unsure
        for array in self._arrays:
            self._end(array)

    def _end(self, array: JobArray) -> None:
        for child in array.open.values():
            child.is_cancelled = True
        self._terminate(array.job_id)

    def _terminate(self, job_id: str) -> None:
        try:
            self._aws.terminate(job_id, _STOPPED)
        except self._aws.errors() as error:
            _log.warning("the Batch job %s could not be terminated: %s", job_id, error)
        self._pace.hurry()

    # What an earlier run has left

    def _without_taken_over(self, requests: Sequence[TaskRequest]) -> list[TaskRequest]:
        """Those for which there is no job yet; the others are watched from now on."""
        if not self._place.earlier or not requests or self._is_ending:
            return list(requests)
        try:
            if self._earlier is None:
                self._earlier = EarlierJobs.of(self._place.earlier)
            found, rest = take_over(self._earlier, requests, self._aws)
        except self._failures() as error:
            # To start a second job for a task that runs is worse than to stop.
            message = f"whether jobs of the earlier run still run cannot be seen: {error}; try again later"
            self._refuse(requests, Reason.REFUSED, message)
            return []
        for array in found:
            self._add(array)
            for child in [each for each in array.children if each.status in ENDED]:
                described = {"jobId": child.job_id, "status": child.status, "startedAt": 1}
                child.status = ""
                self._note(array, child, described)
        self._arrays = [array for array in self._arrays if array.open]
        return rest

    def _failures(self) -> tuple[type[Exception], ...]:
        return (FlowstoneError, *self._aws.errors())

    def _end_what_is_left(self) -> None:
        """What an earlier run began and nobody goes on with."""
        if self._earlier is not None:
            try:
                end_jobs(self._earlier.left(), self._aws, _STOPPED)
            except self._aws.errors() as error:
                _log.warning("jobs of an earlier run may still run: %s", error)

    # Turns

    def turn(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        for waiting in [each for each in self._waiting if each.due <= now]:
            self._start(waiting)
        if self._arrays and self._pace.due <= time.monotonic():
            try:
                is_news = self._look()
            except self._aws.errors() as error:
                _log.info("AWS Batch does not say how jobs stand: %s", error)
                is_news = False
                if self._is_ending:  # somebody waits; they were told to end
                    self.give_up(f"AWS does not answer: {error}")
            self._pace.looked(is_news=is_news, is_running=any(self._running()))

    def _start(self, waiting: Submission) -> None:
        try:
            job_id = self._submitted(waiting)
        except BatchSupportMissingError as error:
            self._waiting.remove(waiting)
            self._refuse(waiting.requests, Reason.REFUSED, str(error))
        except FlowstoneError as error:  # the staging: it has tried again
            if error.is_transient:
                self._put_off(waiting, error)
            else:
                self._waiting.remove(waiting)
                self._refuse(waiting.requests, Reason.REFUSED, str(error))
        except self._aws.errors() as error:
            if is_passing(error):
                waiting.is_unsure = waiting.is_unsure or (waiting.is_staged and not is_throttled(error))
                self._put_off(waiting, error)
            else:
                self._waiting.remove(waiting)
                message = f"AWS Batch does not take the job {waiting.name}: {error}; correct what it names"
                self._refuse(waiting.requests, Reason.REFUSED, message)
        else:
            self._waiting.remove(waiting)
            if job_id is not None:
                self._watch(job_id, waiting)

    def _submitted(self, waiting: Submission) -> str | None:
        """The id of the job; `None` if the run ends, and there is none."""
        if waiting.is_unsure:
            found = self._aws.find(waiting.options.queue, waiting.name)
            if found is not None or self._is_ending:
                if found is None:
                    self._refuse(waiting.requests, Reason.CANCELLED, "")
                return found
        is_fargate = self._aws.is_fargate(waiting.options.queue)
        definition = self._aws.definition(waiting.definition(is_fargate=is_fargate))
        if not waiting.is_staged:
            self._place.staging.put(waiting.request_name, waiting.object())
            waiting.is_staged = True
        staging = self._place.staging.url
        return self._aws.submit(waiting.job(definition, staging, self._aws.region, self._place.run))

    def _put_off(self, waiting: Submission, error: Exception) -> None:
        waiting.tries += 1
        if waiting.tries >= _MOST_TRIES:
            self._waiting.remove(waiting)
            message = f"AWS Batch did not take the job {waiting.name}, asked {waiting.tries} times: {error}"
            self._refuse(waiting.requests, Reason.LOST, message)
            return
        pause = min(_LONGEST_PAUSE_SECONDS, 0.2 * 2**waiting.tries)
        waiting.due = time.monotonic() + random.uniform(pause / 2, pause)  # noqa: S311 - no secret

    def _watch(self, job_id: str, submission: Submission) -> None:
        staging = self._place.staging
        self._add(JobArray.of(job_id, staging, submission.request_name, submission.requests))

    def _add(self, array: JobArray) -> None:
        self._arrays.append(array)
        self._by_request.update({child.request_id: child for child in array.children})
        if self._is_ending:
            self._end(array)
        self._pace.hurry()

    def _look(self) -> bool:
        """Ask how all jobs stand; whether anything has changed."""
        is_news = False
        described = self._aws.describe([array.job_id for array in self._arrays])
        for array in list(self._arrays):
            job = described.get(array.job_id)
            if job is None:
                self._miss(array)
                continue
            array.unknown_since = None
            if array.is_array:
                is_news |= self._look_at_children(array, job["arrayProperties"].get("statusSummary", {}))
            else:
                is_news |= self._note(array, array.children[0], job)
            if not array.open:
                self._arrays.remove(array)
        self._show()
        return is_news

    def _miss(self, array: JobArray) -> None:
        """AWS knows a new job a little later, and forgets old ones."""
        now = time.monotonic()
        array.unknown_since = now if array.unknown_since is None else array.unknown_since
        if now - array.unknown_since > _UNKNOWN_SECONDS:
            self._forget(array, Reason.LOST, f"AWS Batch knows no job {array.job_id} any more")

    def _forget(self, array: JobArray, reason: Reason, message: str) -> None:
        self._arrays.remove(array)
        for child in array.open.values():
            self._by_request.pop(child.request_id, None)
            self._post(TaskFinished(child.request_id, reason, message=message))

    def _look_at_children(self, array: JobArray, counts: dict[str, int]) -> bool:
        is_news = False
        for some in hundreds(array.candidates()):
            if array.is_as_counted(counts):
                break
            described = self._aws.describe([child.job_id for child in some])
            for child in some:
                if child.job_id in described:
                    is_news |= self._note(array, child, described[child.job_id])
        return is_news

    def _note(self, array: JobArray, child: Child, job: dict[str, Any]) -> bool:
        """Take note of what AWS says of a job; whether that is news."""
        status = job["status"]
        is_news = bool(status != child.status)
        child.status = status
        container = job.get("container") or {}
        child.log_stream = container.get("logStreamName") or child.log_stream
        if (status in RUNNING or (status in ENDED and job.get("startedAt"))) and not child.is_started:
            child.is_started = True
            child.running_since = time.monotonic()
            self._post(TaskStarted(child.request_id, f"Batch job {child.job_id}"))
        if status in ENDED and child.index in array.open:
            del array.open[child.index]
            self._by_request.pop(child.request_id, None)
            self._readers.submit(self._output.finish, array, child, job)
        return is_news

    def _running(self) -> list[Child]:
        return [child for array in self._arrays for child in array.open.values() if child.status in RUNNING]

    def _show(self) -> None:
        """Post what some of the jobs that run have printed since; each has its turn."""
        since = time.monotonic() - _SHOWN_FROM_SECONDS
        running = [child for child in self._running() if child.log_stream and child.running_since <= since]
        first = (self._turns * _SHOWN_AT_ONCE) % max(1, len(running))
        self._turns += 1
        for child in [*running[first:], *running[:first]][:_SHOWN_AT_ONCE]:
            self._output.show(child)

    def _refuse(self, requests: Sequence[TaskRequest], reason: Reason, message: str) -> None:
        for request in requests:
            self._post(TaskFinished(request.id, reason, message=message))
