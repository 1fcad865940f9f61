"""`@environment`: environment variables of a step's tasks."""

from typing import Any, ClassVar

import attrs

from flowstone_interfaces import TaskRequest
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no dictionary of names to texts")
    for name, text in value.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise ValueError(f"{name!r} is no name of an environment variable")
        if not isinstance(text, str | int | float) or "\0" in str(text):
            kind = type(text).__name__  # the value itself may be a secret
            raise ValueError(f"the variable {name} is of type {kind}; environment variables are texts")
    return {name: str(text) for name, text in value.items()}


@attrs.frozen(kw_only=True)
class Environment(StepDecorator):
    """Set environment variables for the step's tasks, before anything of them runs."""

    name: ClassVar[str] = "environment"

    vars: dict[str, str] = attrs.field(factory=dict, converter=_texts, hash=False)

    def plan(self, request: TaskRequest) -> TaskRequest:
        """Add the variables; what was asked for before stays, but for those."""
        return attrs.evolve(request, environ={**request.environ, **self.vars})


environment = declares(Environment)
