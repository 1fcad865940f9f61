"""AWS Step Functions: a flow as a state machine whose tasks are jobs of AWS Batch.

`compile_machine` is a pure function; what talks to AWS stands beside it.
"""

from flowstone_deployer.step_functions.compile import compile_machine, to_bytes
from flowstone_deployer.step_functions.limits import LimitExceededError
from flowstone_deployer.step_functions.target import StoreNotReachableError, Target

__all__ = ["LimitExceededError", "StoreNotReachableError", "Target", "compile_machine", "to_bytes"]
