"""How a job ended, told from what AWS Batch and the job itself say of it. Pure."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_interfaces import Reason

_LARGEST_STATUS = 255
_SIGNALS_FROM = 128
_CANNOT_WORK = (78, 126, 127)
"""The image has no such program, or the program found that it cannot work there."""


@attrs.frozen
class Ending:
    """Why a task ended, as `TaskFinished` has it."""

    reason: Reason
    exit_code: int | None = None
    message: str = ""


@attrs.frozen
class _Facts:
    """What is known of a job that has ended."""

    job: Mapping[str, Any]
    end: Mapping[str, Any] | None
    is_cancelled: bool

    @property
    def name(self) -> str:
        return f"the Batch job {self.job['jobId']}"

    @property
    def container(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.job.get("container") or {}
        return found

    @property
    def code(self) -> int | None:
        return self.container.get("exitCode")

    @property
    def said(self) -> str:
        """Of the container."""
        return str(self.container.get("reason") or "")

    @property
    def status(self) -> str:
        """Of the job."""
        return str(self.job.get("statusReason") or "").rstrip(".")

    @property
    def why(self) -> str:
        return self.said or self.status or "no reason was given"

    @property
    def is_success(self) -> bool:
        return bool(self.job["status"] == "SUCCEEDED")


def ending_of(job: Mapping[str, Any], end: Mapping[str, Any] | None, *, is_cancelled: bool = False) -> Ending:
    """Read a job's description (`DescribeJobs`) and its end object's head; `None` if it left none.

    `is_cancelled` says that we terminated it.
    """
    facts = _Facts(job, end, is_cancelled)
    rules = (_ended_from_outside, _as_told, _never_started, _lost)
    found = next((ending for rule in rules if (ending := rule(facts)) is not None), None)
    return found or _without_a_word(facts)


def _ended_from_outside(facts: _Facts) -> Ending | None:
    if facts.is_success:
        return None
    if facts.is_cancelled:
        return Ending(Reason.CANCELLED, facts.code)
    if facts.said.startswith("OutOfMemory"):
        return Ending(Reason.OUT_OF_MEMORY, facts.code, _out_of_memory(facts.job))
    if facts.status.startswith("Host EC2"):
        return Ending(Reason.LOST, None, f"the machine of {facts.name} was taken away ({facts.status})")
    if "timeout" in facts.status:
        return Ending(Reason.TIMED_OUT, facts.code, f"{facts.name} ran longer than its limit")
    return None


def _as_told(facts: _Facts) -> Ending | None:
    if facts.end is None:
        return None
    code = facts.end["exit_code"]
    if facts.end.get("is_timed_out"):
        return Ending(Reason.TIMED_OUT, code, f"{facts.name} ran longer than its limit and was killed")
    return Ending(Reason.SIGNALLED if code < 0 else Reason.EXITED, code)


def _never_started(facts: _Facts) -> Ending | None:
    if facts.said.startswith("CannotPull"):
        return Ending(Reason.REFUSED, None, _cannot_pull(facts.container, facts.said))
    if facts.code is None and not facts.job.get("startedAt"):
        advice = "see that the job queue, the roles and the image are what they should be"
        return Ending(Reason.REFUSED, None, f"{facts.name} could not be started: {facts.why}; {advice}")
    return None


def _lost(facts: _Facts) -> Ending | None:
    if facts.is_success:
        return Ending(Reason.LOST, facts.code, f"{facts.name} succeeded, but left no result in the store")
    if facts.job.get("isTerminated") or facts.job.get("isCancelled"):
        return Ending(Reason.CANCELLED, facts.code, f"{facts.name} was terminated by somebody: {facts.status}")
    return Ending(Reason.LOST, None, f"{facts.name} was lost: {facts.why}") if facts.code is None else None


def _without_a_word(facts: _Facts) -> Ending:
    code = facts.code or 0
    if _SIGNALS_FROM < code <= _LARGEST_STATUS:
        return Ending(Reason.SIGNALLED, _SIGNALS_FROM - code)
    said = f" ({facts.said})" if facts.said else ""
    message = f"{facts.name} ended with exit code {code}, and told nothing{said}; see its log"
    return Ending(Reason.REFUSED if code in _CANNOT_WORK else Reason.EXITED, code, message)


def _out_of_memory(job: Mapping[str, Any]) -> str:
    amounts = {each["type"]: each["value"] for each in job["container"].get("resourceRequirements", ())}
    had = f", of which it had {amounts['MEMORY']} MiB" if "MEMORY" in amounts else ""
    return f"the Batch job {job['jobId']} was killed for its memory{had}; ask for more: @batch(memory=...)"


def _cannot_pull(container: Mapping[str, Any], said: str) -> str:
    image = container.get("image", "")
    return f"the image {image!r} cannot be pulled: {said}; correct its name, or let the execution role pull it"
