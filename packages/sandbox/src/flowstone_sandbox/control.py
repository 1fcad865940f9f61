"""What the sandbox itself can be asked for, beside what AWS can: faults, lost hosts, late logs, the clock."""

from collections.abc import Callable, Mapping
from typing import Any

from flowstone_sandbox.batch import JobHost, Jobs
from flowstone_sandbox.faults import Fault, Faults
from flowstone_sandbox.logs import LogDelivery
from flowstone_sandbox.scheduler import Schedules

CONTROL_PATH = "/_sandbox/"


class Control:
    """Answers what is posted below `/_sandbox/`, given as JSON values."""

    def __init__(
        self,
        jobs: Jobs,
        host: JobHost,
        logs: LogDelivery,
        faults: Faults,
        schedules: Schedules,
        furnish: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._host = host
        self._logs = logs
        self._faults = faults
        self._schedules = schedules
        self._furnish = furnish
        self._answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "status": self._status,
            "faults": self._set_faults,
            "interrupt": self._interrupt,
            "clock": self._advance,
            "reset": self._reset,
        }

    def answer(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked for.

        Raises:
            LookupError: there is nothing of this name.
            ValueError: the request makes no sense.
        """
        if name not in self._answers:
            raise LookupError(f"there is no {name!r}; there are {', '.join(self._answers)}")
        return self._answers[name](request)

    def _status(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"jobs": self._jobs.count(), "faults_happened": self._faults.happened}

    def _set_faults(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Requests that fail, images that are missing, logs that are late; what is not named is well again."""
        self._faults.set([Fault.from_json(item) for item in request.get("requests", [])])
        self._host.missing_images = frozenset(request.get("missing_images", []))
        self._logs.delay_seconds = float(request.get("log_delay_seconds", 0.0))
        return {}

    def _interrupt(self, request: Mapping[str, Any]) -> dict[str, Any]:
        job = self._jobs.find(request.get("job", ""))
        if job is None:
            raise LookupError(f"there is no job {request.get('job')!r}")
        return {"interrupted": self._jobs.interrupt(job)}

    def _advance(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"fired": self._schedules.advance(float(request.get("advance_seconds", 0)))}

    def _reset(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Forget everything, as if just started."""
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data

        self._set_faults({})
        self._jobs.forget()
        self._logs.forget()
        self._schedules.forget()
        BackendDict.reset()
        reset_model_data()
        self._furnish()
        return {}
