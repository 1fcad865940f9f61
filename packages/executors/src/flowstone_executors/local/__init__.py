"""Tasks on this machine: forked from a zygote, started afresh, or in the scheduler's own process."""

from flowstone_executors.local.executor import LocalExecutor
from flowstone_executors.local.in_process import InProcessExecutor

__all__ = ["InProcessExecutor", "LocalExecutor"]
