"""What a mutator sees of a flow: its steps, configs, parameters and decorators."""

from collections.abc import Iterator, Mapping
from typing import Any

from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.parameter import Parameter, parameters_of
from flowstone_runtime.user_decorators.class_changes import ClassChanges, RemovedParameter
from flowstone_runtime.user_decorators.decorated import Decorated
from flowstone_runtime.user_decorators.decorator_list import DecoratorList
from flowstone_runtime.user_decorators.mutable_step import MutableStep
from flowstone_runtime.user_decorators.named_decorator import flow_decorator


class MutableFlow(Decorated):
    """The flow that is about to run; nothing changes for the classes that it inherits from.

    `mutable_flow.start` is the step of this name, as a `MutableStep`; `mutable_flow.cfg` the config.
    """

    def __init__(
        self,
        flow: type,
        config_values: Mapping[str, Any],
        steps: Mapping[str, DecoratorList],
        decorators: DecoratorList,
        changes: ClassChanges | None,
    ) -> None:
        super().__init__(decorators, flow_decorator, config_values)
        self._flow = flow
        self._steps = {name: MutableStep(self, name, own) for name, own in steps.items()}
        self._changes = changes

    @property
    def name(self) -> str:
        """The flow's name."""
        return self._flow.__name__

    @property
    def steps(self) -> Iterator[tuple[str, MutableStep]]:
        """Each step by name, in the order in which the class declares them."""
        return iter(self._steps.items())

    @property
    def configs(self) -> Iterator[tuple[str, Any]]:
        """Each config's value by its attribute."""
        return iter(self.config_values.items())

    @property
    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Each parameter by its attribute."""
        return iter([(parameter.attribute, parameter) for parameter in parameters_of(self._flow)])

    def __getattr__(self, name: str) -> Any:
        for known in (vars(self).get("_steps", {}), vars(self).get("config_values", {})):
            if name in known:
                return known[name]
        raise AttributeError(
            f"the flow has no step and no config {name!r}; its steps are {', '.join(self._steps)}"
        )

    def add_parameter(self, name: str, value: Parameter, overwrite: bool = False) -> None:
        """Give the flow a parameter, as the attribute `name`; in `pre_mutate` only.

        Raises:
            UsageError: it is no parameter, the flow has such an attribute, or the command line is read already.
        """
        changes = self._early("add_parameter")
        if not isinstance(value, Parameter):
            raise UsageError(f"add_parameter({name!r}): {value!r} is no parameter; give a Parameter")
        if not isinstance(getattr(self._flow, name, RemovedParameter("")), RemovedParameter) and not overwrite:
            raise UsageError(f"add_parameter({name!r}): {self.name} has a {name!r} already; give overwrite=True")
        changes.set(name, value)
        value.__set_name__(self._flow, name)

    def remove_parameter(self, parameter_name: str) -> bool:
        """Remove the parameter that the command line calls so; True if there was one; in `pre_mutate` only.

        Raises:
            UsageError: the command line is read already.
        """
        changes = self._early("remove_parameter")
        for attribute, parameter in self.parameters:
            if parameter.name == parameter_name:
                changes.remove(attribute)
                return True
        return False

    def _permit(self, what: str) -> None:
        self._early(what)

    def _early(self, what: str) -> ClassChanges:
        if self._changes is None:
            raise UsageError(
                f"MutableFlow.{what} changes what the command line asks for, which is read; call it in pre_mutate"
            )
        return self._changes
