"""What jobs write and how they end, as events for the scheduler."""

import logging
import time
from typing import Any

from flowstone_executors.batch.array import Child, JobArray
from flowstone_executors.batch.aws import AwsBatch
from flowstone_executors.batch.ending import Ending, ending_of
from flowstone_executors.batch.printed import as_events, read_end
from flowstone_executors.node.job_objects import end_name
from flowstone_interfaces import FlowstoneError, PostEvent, Reason, TaskFinished

_LATE_SECONDS = 4.0
"""How long CloudWatch Logs are asked for the last words of a job that could not leave them."""
_log = logging.getLogger(__name__)


class Output:
    """Posts them. A job is in the hands of one thread at a time: while it runs and in the end."""

    def __init__(self, post: PostEvent, aws: AwsBatch, log_group: str) -> None:
        self._post = post
        self._aws = aws
        self._log_group = log_group

    def show(self, child: Child) -> int:
        """Post what a job has printed since the last time; how many lines."""
        try:
            lines, child.log_token = self._aws.log_lines(self._log_group, child.log_stream, child.log_token)
        except self._aws.errors() as error:
            _log.info("the log of the Batch job %s cannot be read: %s", child.job_id, error)
            return 0
        child.lines_shown += len(lines)
        for event in as_events(child.request_id, [line.encode() for line in lines]):
            self._post(event)
        return len(lines)

    def finish(self, array: JobArray, child: Child, job: dict[str, Any]) -> None:
        """Post the rest of what the job wrote, then its end."""
        name = end_name(array.request_name, child.index)
        head: dict[str, Any] | None = None
        result = None
        try:
            data = array.staging.get(name)
            if data is not None:
                left = read_end(data)
                head, result = left.head, left.result
                lines = list(left.all_lines(array.staging, name))[child.lines_shown :]
                for event in as_events(child.request_id, lines):
                    self._post(event)
            elif child.log_stream:
                self._show_last_words(child, job)
            ending = ending_of(job, head, is_cancelled=child.is_cancelled)
        except (FlowstoneError, ValueError, KeyError) as error:
            _log.warning("what the Batch job %s left cannot be read", child.job_id, exc_info=True)
            ending = Ending(Reason.LOST, None, f"what the Batch job {child.job_id} left cannot be read: {error}")
        self._post(
            TaskFinished(
                child.request_id,
                ending.reason,
                exit_code=ending.exit_code,
                result=result,
                message=ending.message,
                cpu_seconds=(head or {}).get("cpu_seconds"),
                max_memory_mib=(head or {}).get("max_memory_mib"),
            )
        )

    def _show_last_words(self, child: Child, job: dict[str, Any]) -> None:
        """Of a job that was killed, the log is all that there is, and it comes late."""
        if child.is_cancelled or job.get("container", {}).get("exitCode") is None:  # nothing comes any more
            self.show(child)
            return
        deadline = time.monotonic() + _LATE_SECONDS
        while self.show(child) or (not child.lines_shown and time.monotonic() < deadline):
            time.sleep(0.5)
