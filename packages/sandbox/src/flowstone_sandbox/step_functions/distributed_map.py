"""Distributed maps.

What is wrong in moto: failed items never fail the map, whatever is tolerated; each item is a thread.
"""

import functools
from typing import Any

from flowstone_sandbox.step_functions import map_results

MOST_WORKERS = 64
_ERROR = "States.ExceedToleratedFailureThreshold"
_CAUSE = "The specified tolerated failure threshold was exceeded"


def repair() -> None:
    """Put both right."""
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component,
    )

    def name_error(self: Any, error_name: str | None) -> None:
        """Take the names of States, too: an item may have failed with one of them."""
        ErrorName.__init__(self, error_name=error_name)

    CustomErrorName.__init__ = name_error
    component = distributed_iteration_component.DistributedIterationComponent
    original = component._map_run  # noqa: SLF001

    @functools.wraps(original)
    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        record = eval_input.map_run_record
        if not 0 < record.max_concurrency <= MOST_WORKERS:
            record.max_concurrency = MOST_WORKERS
        map_results.remember_map_run(env, record)
        original(self, env, eval_input)
        counts = record.describe()["itemCounts"]
        failed = counts["failed"] + counts["timedOut"]
        if not is_tolerated(
            failed,
            counts["total"],
            eval_input.tolerated_failure_count or 0,
            eval_input.tolerated_failure_percentage or 0.0,
        ):
            env.stack.pop()
            raise _failure(env)

    component._map_run = map_run  # noqa: SLF001


def is_tolerated(failed: int, total: int, tolerated_count: int, tolerated_percentage: float) -> bool:
    """True if so many failed items do not fail the map: within the count or within the percentage."""
    return failed <= tolerated_count or failed * 100 <= tolerated_percentage * total


def _failure(env: Any) -> Exception:
    from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    details = EventDetails(executionFailedEventDetails=ExecutionFailedEventDetails(error=_ERROR, cause=_CAUSE))
    failure: Exception = FailureEventException(
        FailureEvent(
            env=env,
            error_name=CustomErrorName(_ERROR),
            event_type=HistoryEventType.MapStateFailed,
            event_details=details,
        )
    )
    return failure
