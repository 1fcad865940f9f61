"""All repairs, applied once."""

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
            from flowstone_sandbox.step_functions import definitions, distributed_map, expressions, tasks

            tasks.repair(self._running, self._jobs)
            distributed_map.repair()
            expressions.repair()
            definitions.repair()
            _name_executions()
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
