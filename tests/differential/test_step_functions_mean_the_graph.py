"""In the sandbox, Step Functions execute what `Execution` says and what a local run does, to the addresses."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from flow_files import FlowFile
from hypothesis import HealthCheck, assume, given, settings

from flowstone import Run
from flowstone_graph import Node
from flowstone_graph.testing import Scenario, flow_source, run_scenario, scenarios

HEADER = "from flowstone import FlowSpec, current, parallel, step"
FEWEST_TASKS, MOST_TASKS = 6, 16
"""A job takes half a second."""


def written(scenario: Scenario, folder: Path) -> FlowFile:
    """The scenario as a file that runs, whose tasks say who they are."""

    def body(node: Node) -> list[str]:
        here = "self.here = (current.step_name, current.task_id, self.foreach_stack())"
        return [*scenario.statements(node), here]

    source = flow_source(scenario.graph, header=HEADER, body=body)
    flow = FlowFile(folder / "flow.py")
    flow.path.write_text(
        f"{source}\n\nif __name__ == '__main__':\n    {scenario.graph.name}()\n", encoding="utf-8"
    )
    return flow


def executed(run: Run) -> Iterator[tuple]:
    """Every task, with its stack, its parents, how often it was tried, and the addresses of all that it left."""
    store = run._datastore
    for known in run.summary.tasks.values():
        artifacts = store.tables.flatten(known.ended.artifacts)
        addresses = tuple(sorted((name, artifact.address) for name, artifact in artifacts.items()))
        started = known.started
        yield (known.step, known.task, started.stack, started.parents, known.attempt, addresses)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(with_expressions=False))
def test_the_cloud_does_what_the_laptop_does(cloud, scenario: Scenario) -> None:
    """The same tasks as often, with the same stacks, and the same artifacts at the same addresses."""
    expected = run_scenario(scenario)
    assume(FEWEST_TASKS <= len(expected) <= MOST_TASKS)
    with tempfile.TemporaryDirectory() as folder:
        flow = written(scenario, Path(folder))
        at_home = flow.run("--max-workers", "8")
        cloud.call(flow, "create")
        far_away = cloud.trigger(flow)
        assert far_away.successful, far_away.message
        home = set(executed(at_home))
    assert set(executed(far_away)) == home
    assert {row[:4] for row in home} == {
        (
            task.key.step,
            task.key.id,
            tuple((frame.step, frame.index, frame.count) for frame in task.stack),
            tuple((parent.step, parent.id) for parent in task.parents),
        )
        for task in expected
    }


FAULTY = """
from flowstone import FlowSpec, catch, current, retry, step

class Faulty(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.part, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @catch(print_exception=False)
    @step
    def part(self):
        self.tried = current.retry_count
        if self.input > current.retry_count:
            raise ValueError(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.tried = [each.tried for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        raise RuntimeError("on purpose")

if __name__ == "__main__":
    Faulty()
"""


def test_failures_are_the_same_failures(cloud, tmp_path) -> None:
    """Of a task that is tried again, one that is caught, one that fails: attempts, artifacts and messages."""
    flow = FlowFile(tmp_path / "faulty.py")
    flow.path.write_text(FAULTY, encoding="utf-8")
    at_home = flow.run(exit_code=1)
    cloud.call(flow, "create")
    far_away = cloud.trigger(flow)
    assert set(executed(far_away)) == set(executed(at_home))
    assert far_away.message.replace(far_away.id, "") == at_home.message.replace(at_home.id, "")
    assert far_away["join"].task.data.tried == [0, 1, 1]
