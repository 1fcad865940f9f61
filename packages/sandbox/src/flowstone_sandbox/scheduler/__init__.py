"""EventBridge Scheduler that fires, by a clock that can be put forward. moto keeps the schedules."""

from flowstone_sandbox.scheduler.clock import Clock
from flowstone_sandbox.scheduler.schedules import Schedules
from flowstone_sandbox.scheduler.targets import Targets

__all__ = ["Clock", "Schedules", "Targets"]
