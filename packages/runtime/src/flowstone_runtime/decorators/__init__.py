"""What a step can be decorated with: one module for each, all built on `step_decorator`."""

from flowstone_runtime.decorators.catch import Catch, CaughtError, catch
from flowstone_runtime.decorators.environment import Environment, environment
from flowstone_runtime.decorators.parallel import Parallel, parallel
from flowstone_runtime.decorators.resources import ResourcesDecorator, resources
from flowstone_runtime.decorators.retry import Retry, retry
from flowstone_runtime.decorators.secrets import Secrets, secrets
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.decorators.timeout import StepTimeoutError, Timeout, timeout

__all__ = [
    "Catch",
    "CaughtError",
    "Environment",
    "Parallel",
    "ResourcesDecorator",
    "Retry",
    "Secrets",
    "StepDecorator",
    "StepTimeoutError",
    "Timeout",
    "catch",
    "environment",
    "parallel",
    "resources",
    "retry",
    "secrets",
    "timeout",
]
