"""All repairs, applied once."""

import datetime as dt
import functools
import threading
import uuid
from typing import Any

from flowstone_sandbox.batch import Jobs
from flowstone_sandbox.options import Running


class Repairs:
    """What has to be done to the interpreter before it is used."""

    def __init__(self, running: Running, jobs: Jobs) -> None:
        self._running = running
        self._jobs = jobs
        self._lock = threading.Lock()
        self._is_done = False

    def apply(self) -> None:
        """Do it, unless it was done."""
        with self._lock:
            if self._is_done:
                return
            from flowstone_sandbox.step_functions import (
                definitions,
                distributed_map,
                expressions,
                map_results,
                tasks,
            )

            tasks.repair(self._running, self._jobs)
            distributed_map.repair()
            map_results.repair()
            expressions.repair()
            definitions.repair()
            _name_executions()
            _tell_start_as_text()
            self._is_done = True


def _name_executions() -> None:
    """An execution that is started without a name gets one; else `$$.Execution.Name` is null."""
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    original = StepFunctionsParserBackend.start_execution

    @functools.wraps(original)
    def start_execution(
        self: Any, state_machine_arn: str, name: str | None = None, *rest: Any, **more: Any
    ) -> Any:
        return original(self, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)

    StepFunctionsParserBackend.start_execution = start_execution


def _tell_start_as_text() -> None:
    """`$$.Execution.StartTime` is a text, which functions can take apart; it was an object that they cannot."""
    from moto.stepfunctions.parser.asl.eval.evaluation_details import ExecutionDetails

    original = ExecutionDetails.__init__

    @functools.wraps(original)
    def init(self: Any, *given: Any, **more: Any) -> None:
        original(self, *given, **more)
        if isinstance(self.start_time, dt.datetime):
            moment = self.start_time.astimezone(dt.timezone.utc)
            self.start_time = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"

    ExecutionDetails.__init__ = init
