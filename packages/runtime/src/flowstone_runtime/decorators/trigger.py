"""`@trigger` and `@trigger_on_finish`: what a production scheduler starts the flow upon."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import attrs

from flowstone_graph import FlowGraph
from flowstone_interfaces import FlowstoneError
from flowstone_interfaces.python_310 import Self
from flowstone_runtime.decorators.at_deployment import AtDeployment, declared_value
from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowOption, FlowStart, declares
from flowstone_runtime.errors import UsageError


@attrs.frozen
class TriggerEvent:
    """An event, and which of its fields give which parameters."""

    name: str
    parameters: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """The flow's parameter to the event's field."""


@attrs.frozen
class TriggerFlow:
    """A flow whose successful end is waited for."""

    flow: str
    project: str | None = None
    branch: str | None = None


def _events(value: Any) -> tuple[TriggerEvent | AtDeployment, ...]:
    return tuple(declared_value(item, _event) for item in _several(value))


def _event(value: Any) -> TriggerEvent | AtDeployment:
    if isinstance(value, TriggerEvent | AtDeployment):
        return value
    if isinstance(value, str) and value:
        return TriggerEvent(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError(
            f"{value!r} is no event; write a name, {{'name': ..., 'parameters': ...}}, or a function that gives it"
        )
    unknown = sorted(set(value) - {"name", "parameters"})
    if unknown:
        raise ValueError(f"an event has name and parameters, not {', '.join(unknown)}")
    return TriggerEvent(value["name"], _parameters(value.get("parameters", {})))


def _parameters(value: Any) -> dict[str, str]:
    """`{"alpha": "field"}`, or a list of names and pairs."""
    if isinstance(value, Mapping):
        found = dict(value)
    else:
        found = dict((item, item) if isinstance(item, str) else tuple(item) for item in _several(value))
    if not all(isinstance(text, str) for pair in found.items() for text in pair):
        raise ValueError(f"parameters={value!r} does not map parameters to fields of the event")
    return found


def _flows(value: Any) -> tuple[TriggerFlow | AtDeployment, ...]:
    return tuple(declared_value(item, _flow) for item in _several(value))


def _flow(value: Any) -> TriggerFlow | AtDeployment:
    if isinstance(value, TriggerFlow | AtDeployment):
        return value
    if isinstance(value, Mapping):
        unknown = sorted(set(value) - {"name", "project", "project_branch"})
        if unknown:
            raise ValueError(f"a flow has name, project and project_branch, not {', '.join(unknown)}")
        found = TriggerFlow(value.get("name", ""), value.get("project"), value.get("project_branch"))
    elif isinstance(value, str):
        project, _, rest = value.partition(".")
        branch, _, name = rest.rpartition(".")
        found = TriggerFlow(name, project, branch) if rest else TriggerFlow(value)
    else:
        found = TriggerFlow("")
    if not str(found.flow).isidentifier() or (found.project and not found.branch):
        raise ValueError(
            f"{value!r} is no flow; write its name, 'project.branch.Name', or a function that gives one"
        )
    return found


def _several(value: Any) -> Iterable[Any]:
    """One or several, as several."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


@attrs.frozen(kw_only=True)
class Trigger(FlowDecorator):
    """Start the flow upon an event, or when each of several has come; give `event` or `events`."""

    name: ClassVar[str] = "trigger"

    event: tuple[TriggerEvent | AtDeployment, ...] = attrs.field(default=(), converter=_events)
    """A name, or a dictionary with `name` and `parameters`, or a function that gives one when it is deployed."""
    events: tuple[TriggerEvent | AtDeployment, ...] = attrs.field(default=(), converter=_events)
    trigger_options: Mapping[str, Any] = attrs.field(factory=dict, converter=dict, alias="options", hash=False)
    """What a deployer makes of it, such as `reset_at`."""

    def __attrs_post_init__(self) -> None:
        if bool(self.event) == bool(self.events) or len(self.event) > 1:
            raise ValueError("give event=, one, or events=, several")

    @property
    def awaited(self) -> tuple[TriggerEvent | AtDeployment, ...]:
        """All events that have to come."""
        return self.event or self.events

    def at_deployment(self, context: Any) -> Self:
        """The same with what its functions give for this context, a `ParameterContext`.

        Raises:
            ValueError: one gives what is no event.
        """
        return attrs.evolve(self, event=_settled(self.event, context), events=_settled(self.events, context))

    def check(self, flow: type, graph: FlowGraph) -> str | None:
        """Refuse parameters that the flow does not have."""
        from flowstone_runtime.parameters.parameter import parameters_of

        known = {parameter.name for parameter in parameters_of(flow)}
        for event in self.awaited:
            if isinstance(event, AtDeployment):
                continue
            unknown = sorted(set(event.parameters) - known)
            if unknown:
                has = ", ".join(sorted(known)) or "none"
                return f"the event {event.name!r} sets {', '.join(unknown)}, and the flow's parameters are {has}"
        return None


@attrs.frozen(kw_only=True)
class TriggerOnFinish(FlowDecorator):
    """Start the flow when another one has succeeded, or each of several; give `flow` or `flows`.

    `--trigger Train/20260101-120000-k3f9` before `run` starts it as that run would have: `current.trigger.run`.
    """

    name: ClassVar[str] = "trigger_on_finish"
    takes: ClassVar[tuple[FlowOption, ...]] = (
        FlowOption("trigger", "Run as if the run FLOW/RUN had just finished; may be repeated.", may_repeat=True),
    )

    flow: tuple[TriggerFlow | AtDeployment, ...] = attrs.field(default=(), converter=_flows)
    """A name, `project.branch.Name`, a dictionary with `name`, `project` and `project_branch`, or a function."""
    flows: tuple[TriggerFlow | AtDeployment, ...] = attrs.field(default=(), converter=_flows)
    trigger_options: Mapping[str, Any] = attrs.field(factory=dict, converter=dict, alias="options", hash=False)
    """What a deployer makes of it."""

    def __attrs_post_init__(self) -> None:
        if bool(self.flow) == bool(self.flows) or len(self.flow) > 1:
            raise ValueError("give flow=, one, or flows=, several")

    @property
    def awaited(self) -> tuple[TriggerFlow | AtDeployment, ...]:
        """All flows that have to finish."""
        return self.flow or self.flows

    def at_deployment(self, context: Any) -> Self:
        """The same with what its functions give for this context, a `ParameterContext`.

        Raises:
            ValueError: one gives what is no flow.
        """
        return attrs.evolve(self, flow=_settled(self.flow, context), flows=_settled(self.flows, context))

    def facts(self, start: FlowStart) -> FlowFacts:
        """What a run is told that is started by hand; a resumed one is told what the one before was."""
        given = start.options.get("trigger")
        if not given:
            record = start.origin.get("trigger")
            return FlowFacts(current={"trigger": record} if record else {})
        return FlowFacts(current={"trigger": [self._finished(text, start) for text in given]})

    def _finished(self, text: str, start: FlowStart) -> dict[str, Any]:
        """A run that the command line names, as the record of a run has it."""
        from flowstone_client import Client, Run

        try:
            run = Run(text, client=Client(start.datastore))
        except FlowstoneError as error:
            raise UsageError(f"--trigger {text!r}: {error}") from error
        names = [each.flow for each in self.awaited if isinstance(each, TriggerFlow)]
        if run.flow_name not in names and len(names) == len(self.awaited):
            raise UsageError(
                f"--trigger {text!r}: the flow waits for {' and '.join(names)}, not for {run.flow_name}; "
                "name a run of that"
            )
        ended = run.summary.finished_at
        return {"type": "run", "name": run.flow_name, "id": run.pathspec, "timestamp": ended}


def _settled(values: Iterable[Any], context: Any) -> tuple[Any, ...]:
    return tuple(value.value(context) if isinstance(value, AtDeployment) else value for value in values)


trigger = declares(Trigger)
trigger_on_finish = declares(TriggerOnFinish)
