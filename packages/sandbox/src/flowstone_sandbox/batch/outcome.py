"""How an attempt ended, in the words of AWS Batch: clients and retry rules read them."""

import uuid

from flowstone_sandbox.batch.job import EXITED, Attempt
from flowstone_sandbox.batch.retry import Outcome
from flowstone_sandbox.processes import Ending

_NOT_STARTED = "Task failed to start"
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_OUT_OF_TIME = "Job attempt duration exceeded timeout"


def note_end(attempt: Attempt, ending: Ending) -> Outcome:
    """Write into an attempt how its process ended; what the rules of a retry strategy are asked about."""
    attempt.exit_code = ending.exit_code
    attempt.status_reason = EXITED
    match ending.cause:
        case "memory":
            attempt.reason = _OUT_OF_MEMORY
        case "timeout":
            attempt.status_reason = _OUT_OF_TIME
        case "refused":
            attempt.exit_code = None
            attempt.status_reason = _NOT_STARTED
            attempt.reason = ending.reason
        case "lost":
            attempt.exit_code = None
            attempt.status_reason = f"Host EC2 (instance i-{uuid.uuid4().hex[:17]}) terminated."
    return Outcome(attempt.exit_code, attempt.reason, attempt.status_reason)
