"""Decorators and mutators that users write themselves, in their own project."""

from flowstone_runtime.user_decorators.decorator_list import Duplicates
from flowstone_runtime.user_decorators.generator_decorator import user_step_decorator
from flowstone_runtime.user_decorators.mutable_flow import MutableFlow
from flowstone_runtime.user_decorators.mutable_step import MutableStep
from flowstone_runtime.user_decorators.mutators import FlowMutator, StepMutator
from flowstone_runtime.user_decorators.user_step import USER_SKIP_STEP, UserStepDecorator

__all__ = [
    "USER_SKIP_STEP",
    "Duplicates",
    "FlowMutator",
    "MutableFlow",
    "MutableStep",
    "StepMutator",
    "UserStepDecorator",
    "user_step_decorator",
]
