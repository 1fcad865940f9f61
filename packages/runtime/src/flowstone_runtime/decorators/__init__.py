"""What a step or a flow can be decorated with: one module for each, all built on `declared`."""

from flowstone_runtime.decorators.batch import Batch, batch
from flowstone_runtime.decorators.catch import Catch, CaughtError, catch
from flowstone_runtime.decorators.conda import Conda, CondaBase, conda, conda_base
from flowstone_runtime.decorators.environment import Environment, environment
from flowstone_runtime.decorators.exit_hook import ExitHook, exit_hook
from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowOption, FlowStart
from flowstone_runtime.decorators.parallel import Parallel, parallel
from flowstone_runtime.decorators.project import Project, project
from flowstone_runtime.decorators.pypi import Pypi, PypiBase, pypi, pypi_base
from flowstone_runtime.decorators.resources import ResourcesDecorator, resources
from flowstone_runtime.decorators.retry import Retry, retry
from flowstone_runtime.decorators.schedule import Schedule, schedule
from flowstone_runtime.decorators.secrets import Secrets, secrets
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.decorators.timeout import StepTimeoutError, Timeout, timeout
from flowstone_runtime.decorators.trigger import (
    Trigger,
    TriggerEvent,
    TriggerFlow,
    TriggerOnFinish,
    trigger,
    trigger_on_finish,
)

__all__ = [
    "Batch",
    "Catch",
    "CaughtError",
    "Conda",
    "CondaBase",
    "Environment",
    "ExitHook",
    "FlowDecorator",
    "FlowFacts",
    "FlowOption",
    "FlowStart",
    "Parallel",
    "Project",
    "Pypi",
    "PypiBase",
    "ResourcesDecorator",
    "Retry",
    "Schedule",
    "Secrets",
    "StepDecorator",
    "StepTimeoutError",
    "Timeout",
    "Trigger",
    "TriggerEvent",
    "TriggerFlow",
    "TriggerOnFinish",
    "batch",
    "catch",
    "conda",
    "conda_base",
    "environment",
    "exit_hook",
    "parallel",
    "project",
    "pypi",
    "pypi_base",
    "resources",
    "retry",
    "schedule",
    "secrets",
    "timeout",
    "trigger",
    "trigger_on_finish",
]
