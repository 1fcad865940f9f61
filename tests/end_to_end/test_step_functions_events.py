"""Deployed flows that start upon others and upon events."""

import pytest

from flowstone import Flow, publish_event
from flowstone_datastore import RunState

FIRST = """
class First(FlowSpec):
    @step
    def start(self):
        pass

if __name__ == "__main__":
    First()
"""
SECOND = """
from flowstone import trigger_on_finish

@trigger_on_finish(flow="First")
class Second(FlowSpec):
    @step
    def start(self):
        self.before = current.trigger.run.pathspec

if __name__ == "__main__":
    Second()
"""
THIRD = """
from flowstone import trigger

@trigger(event={"name": "new-data", "parameters": {"alpha": "size"}})
class Third(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.given = self.alpha
        self.event = current.trigger["new-data"].id

if __name__ == "__main__":
    Third()
"""


@pytest.fixture
def created(cloud, flow_file):
    """Writes a flow and deploys it."""

    def create(source, name):
        flow = flow_file(source, name=name)
        cloud.call(flow, "create")
        return flow

    return create


def test_a_flow_starts_when_another_one_has_succeeded(cloud, created) -> None:
    """And knows which run that was; deleted, it starts no more."""
    first, second = created(FIRST, "first.py"), created(SECOND, "second.py")
    assert "started by EventBridge when First has succeeded" in cloud.call(second, "show")
    before = cloud.trigger(first)
    run = cloud.first_run("Second")
    assert run.state is RunState.FINISHED, run.message
    assert run["start"].task.data.before == run.trigger.run.pathspec == before.pathspec
    for flow in (first, second):
        cloud.call(flow, "delete")
    rules = [rule["Name"] for rule in cloud.sandbox.boto3("events").list_rules()["Rules"]]
    assert not [name for name in rules if name.startswith(("First", "Second"))]


def test_an_event_starts_a_flow_with_what_it_says(cloud, created) -> None:
    """Fields are parameters, and checked like any; a flow that waits for several things is not deployed."""
    third = created(THIRD, "third.py")
    sent = publish_event("new-data", {"size": 3})
    run = cloud.first_run("Third")
    assert run.state is RunState.FINISHED, run.message
    assert (run["start"].task.data.given, run["start"].task.data.event) == (3, sent)
    assert run.trigger["new-data"].type == "event"
    publish_event("another", {"size": 4})
    publish_event("new-data", {"sizes": 4})
    cloud.until(lambda: len(list(Flow("Third", client=cloud.client))) == 2)
    (other,) = (each for each in Flow("Third", client=cloud.client) if each.id != run.id)
    failed = other.wait(60, 0.1)
    assert "the event 'new-data' has no field 'size'" in failed.message
    several = third.path.read_text().replace("event={", 'events=["other", {').replace('"size"}})', '"size"}}])')
    third.path.write_text(several)
    assert "it waits until 2 have come" in cloud.call(third, "create", exit_code=2)
    cloud.call(third, "delete")
