"""`Step Functions Execution Status Change`: what EventBridge is told of an execution.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import functools
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

DETAIL_TYPE = "Step Functions Execution Status Change"
_INCLUDED = {"included": True}
_log = logging.getLogger(__name__)


def tell_of_executions(publish: Callable[[dict[str, Any]], None]) -> None:
    """Have each execution that begins or ends told as an event; items of a distributed map are not told of."""
    from moto.stepfunctions.parser.backend import execution as of_moto

    start = of_moto.Execution.start
    terminated = of_moto.BaseExecutionWorkerCommunication.terminated

    @functools.wraps(start)
    def tell_start(self: Any) -> None:
        start(self)
        _tell(self, publish, "RUNNING")

    @functools.wraps(terminated)
    def tell_end(self: Any) -> None:
        terminated(self)
        _tell(self.execution, publish, self.execution.exec_status.value)

    of_moto.Execution.start = tell_start
    of_moto.BaseExecutionWorkerCommunication.terminated = tell_end


def _tell(execution: Any, publish: Callable[[dict[str, Any]], None], status: str) -> None:
    try:
        publish(event_of(execution.to_describe_output(), status, execution.account_id, execution.region_name))
    except Exception:  # noqa: BLE001 -- what goes wrong with rules changes nothing of executions
        _log.exception("no rule knows of %s", execution.exec_arn)


def event_of(described: dict[str, Any], status: str, account: str, region: str) -> dict[str, Any]:
    """The event of a description of an execution; its time is in seconds, as moto has it."""
    has_ended = status != "RUNNING"
    stopped = described.get("stopDate")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": "aws.states",
        "account": account,
        "time": int(time.time()),
        "region": region,
        "resources": [described["executionArn"]],
        "detail": {
            "executionArn": described["executionArn"],
            "stateMachineArn": described["stateMachineArn"],
            "name": described["name"],
            "status": status,
            "startDate": _milliseconds(described["startDate"]),
            "stopDate": _milliseconds(stopped) if has_ended and stopped else None,
            "input": described["input"],
            "inputDetails": _INCLUDED,
            "output": described.get("output") if has_ended else None,
            "outputDetails": _INCLUDED if has_ended and "output" in described else None,
            "error": described.get("error") if has_ended else None,
            "cause": described.get("cause") if has_ended else None,
        },
    }


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000)
