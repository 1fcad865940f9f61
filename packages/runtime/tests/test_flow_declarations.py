"""Decorators of flows, as they are built and checked."""

from types import SimpleNamespace

import pytest

from flowstone_graph import InvalidFlowError
from flowstone_runtime import FlowSpec, Parameter, project, schedule, step, trigger, trigger_on_finish
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.flow_decorator import FlowStart
from flowstone_runtime.decorators.trigger import TriggerEvent, TriggerFlow
from flowstone_runtime.errors import UsageError


class Base(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def decorated(*decorators):
    """The decorators of a flow that is decorated so."""
    flow = type("Decorated", (Base,), {"__module__": __name__})
    for decorate in decorators:
        flow = decorate(flow)
    return declared_graph(flow).decorators


@pytest.mark.parametrize(
    ("options", "branch", "is_user_branch", "is_production"),
    [
        ({}, "user.ada", True, False),
        ({"branch": "fix-1"}, "test.fix-1", False, False),
        ({"production": True}, "prod", False, True),
        ({"branch": "b", "production": True}, "prod.b", False, True),
    ],
)
def test_each_run_of_a_project_has_a_branch(options, branch, is_user_branch, is_production) -> None:
    """Runs of several people and of production must not be taken for each other."""
    (declared,) = decorated(project(name="demo"))
    facts = declared.facts(FlowStart("Job", "ada", options))
    assert facts.system_tags == ("project:demo", f"project_branch:{branch}")
    assert facts.current["project_flow_name"] == f"demo.{branch}.Job"
    assert (facts.current["is_user_branch"], facts.current["is_production"]) == (is_user_branch, is_production)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cron", "@schedule, option cron: 'every day' is no cron expression"),
        ("zone", "is no time zone"),
        ("parameter", "@trigger: the event 'tuned' sets beta"),
        ("both", "give event=, one, or events=, several"),
        ("event", "3 is no event; write a name, {'name': ..., 'parameters': ...}, or a function that gives it"),
        ("flow", "'not a flow' is no flow"),
        ("twice", "it has @schedule twice"),
        ("option", "@schedule has no option 'crom'; it has cron"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(name, told) -> None:
    """Here, and not by a scheduler at three in the morning."""
    wrong = {
        "cron": lambda: [schedule(cron="every day")],
        "zone": lambda: [schedule(timezone="Europe/Nowhere")],
        "parameter": lambda: [trigger(event={"name": "tuned", "parameters": {"beta": "value"}})],
        "both": lambda: [trigger(event="x", events=["y"])],
        "event": lambda: [trigger(event=3)],
        "flow": lambda: [trigger_on_finish(flow="not a flow")],
        "twice": lambda: [schedule(hourly=True), schedule(weekly=True)],
        "option": lambda: [schedule(crom="0 3 * * ? *")],
    }
    with pytest.raises((UsageError, InvalidFlowError)) as caught:
        decorated(*wrong[name]())
    assert told in str(caught.value)


def test_functions_give_events_and_flows_when_they_are_deployed() -> None:
    """Who deploys may be in the name; until then nothing is called, and a mistake is one when it is made."""

    def named(context):
        return {"name": f"data_of_{context.user_name}", "parameters": {"alpha": "value"}}

    (declared,) = decorated(
        trigger(events=[named, {"name": lambda context: context.flow_name, "parameters": ["alpha"]}])
    )
    context = SimpleNamespace(user_name="ada", flow_name="Job")
    assert declared.at_deployment(context).awaited == (
        TriggerEvent("data_of_ada", {"alpha": "value"}),
        TriggerEvent("Job", {"alpha": "alpha"}),
    )
    (after,) = decorated(trigger_on_finish(flow=lambda context: f"demo.{context.user_name}.Prepare"))
    assert after.at_deployment(context).awaited == (TriggerFlow("Prepare", "demo", "ada"),)
    (wrong,) = decorated(trigger(event=lambda context: 3))
    with pytest.raises(ValueError, match="3 is no event"):
        wrong.at_deployment(context)
