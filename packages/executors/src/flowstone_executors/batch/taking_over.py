"""Which jobs of an earlier run do what is asked for now, and what becomes of the others."""

import json
from collections.abc import Iterable, Sequence

from flowstone_executors.batch.array import ENDED, JobArray
from flowstone_executors.batch.aws import AwsBatch
from flowstone_executors.batch.earlier import EarlierArray, EarlierJob, EarlierJobs, by_array
from flowstone_interfaces import TaskRequest


def take_over(
    earlier: EarlierJobs, requests: Sequence[TaskRequest], aws: AwsBatch
) -> tuple[list[JobArray], list[TaskRequest]]:
    """Arrays of jobs that run or have succeeded, and the requests for which there is none.

    Of a job that has succeeded, the child's status says so; its result is in the staging. A job that does what is
    asked for, but may not be taken over, is ended: another takes its place.

    Raises:
        FlowstoneError: a staging cannot be read.
        BotoCoreError, ClientError: AWS does not answer.
    """
    jobs = {request.id: job for request in requests if (job := earlier.take(request.id)) is not None}
    wanted = [jobs[request.id] for request in requests if request.may_take_over and request.id in jobs]
    replaced = [jobs[request.id] for request in requests if not request.may_take_over and request.id in jobs]
    end_jobs(replaced, aws, "flowstone: the run was resumed, and this is computed anew")
    found = [array for each, indices in by_array(wanted) if (array := _alive(each, indices, aws)) is not None]
    taken = {child.request_id for array in found for child in array.children}
    return found, [request for request in requests if request.id not in taken]


def end_jobs(jobs: Iterable[EarlierJob], aws: AwsBatch, reason: str) -> None:
    """End those that may still run.

    Raises:
        BotoCoreError, ClientError: AWS does not answer.
    """
    for array, indices in by_array(job for job in jobs if not job.has_ended):
        found = aws.find(array.queue, array.job_name)
        for index in indices if found else ():
            aws.terminate(array.job_id(str(found), index), reason)


def _alive(array: EarlierArray, indices: Sequence[int], aws: AwsBatch) -> JobArray | None:
    """Those of the jobs that run or have succeeded."""
    states = {index: "SUCCEEDED" for index in indices if index in array.ended and _has_succeeded(array, index)}
    others = [index for index in indices if index not in array.ended]
    found = aws.find(array.queue, array.job_name) if others else None
    if found is not None:
        described = aws.describe([array.job_id(found, index) for index in others])
        told = {index: described.get(array.job_id(found, index), {}).get("status") for index in others}
        states.update({index: status for index, status in told.items() if status not in (None, "FAILED")})
    if not states:
        return None
    ids = {index: array.ids[index] for index in states}
    name = found or array.job_name
    made = JobArray.taken_over(name, array.staging, array.request_name, ids, len(array.ids))
    for child in made.children:
        if states[child.index] in ENDED:  # the others are news when they are looked at: with their logs
            child.status = states[child.index]
    return made


def _has_succeeded(array: EarlierArray, index: int) -> bool:
    data = array.staging.get(array.end_name(index))
    return data is not None and json.loads(data.partition(b"\n")[0]).get("exit_code") == 0
