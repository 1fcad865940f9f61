"""The local scheduler executes what `Execution` says, for random flows: the same tasks, stacks and parents."""

import tempfile
from pathlib import Path

import pytest
from flow_files import FlowFile
from hypothesis import HealthCheck, assume, given, settings

from flowstone_graph.testing import Scenario, flow_source, run_scenario, scenarios

MOST_TASKS = 80


def run_for_real(scenario: Scenario, folder: Path, *arguments: str) -> set:
    """Every task that ran, with its stack and its parents, as the journal tells it."""
    source = flow_source(scenario.graph, body=scenario.statements)
    flow = FlowFile(folder / "flow.py")
    flow.path.write_text(
        f"{source}\n\nif __name__ == '__main__':\n    {scenario.graph.name}()\n", encoding="utf-8"
    )
    run = flow.run(*arguments)
    tasks = [known for known in run.summary.tasks.values() if known.started is not None]
    assert len(tasks) == len(run.summary.tasks)
    return {(task.step, task.task, task.started.stack, task.started.parents) for task in tasks}


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(with_parallel=False, with_expressions=False))
def test_a_local_run_executes_exactly_the_tasks_of_the_graph(scenario: Scenario) -> None:
    """One meaning everywhere: what is deployed later must do what was seen on the laptop."""
    expected = run_scenario(scenario)
    assume(len(expected) <= MOST_TASKS)
    with tempfile.TemporaryDirectory() as folder:
        seen = run_for_real(scenario, Path(folder))
    assert seen == {
        (
            task.key.step,
            task.key.id,
            tuple((frame.step, frame.index, frame.count) for frame in task.stack),
            tuple((parent.step, parent.id) for parent in task.parents),
        )
        for task in expected
    }
