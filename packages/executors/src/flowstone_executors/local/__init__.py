"""Tasks on this machine: forked from a zygote, started afresh, or in the scheduler's own process."""

from flowstone_executors.local.executor import LocalExecutor
from flowstone_executors.local.in_process import InProcessExecutor
from flowstone_executors.local.zygote import Launch, serve_launched

__all__ = ["InProcessExecutor", "Launch", "LocalExecutor", "serve_launched"]
