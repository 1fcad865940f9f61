"""Machines of Step Functions start the tasks that `Execution` says, with stacks and parents, for any graph."""

import time

from hypothesis import given, settings
from machine_driver import Driver

from flowstone_datastore import Datastore, MemoryStorage, RunStarted, TaskFinished, TaskStarted, Transition
from flowstone_deployer.step_functions import Target, compile_machine
from flowstone_deployer.testing import flow_plan
from flowstone_graph import Task
from flowstone_graph.testing import Scenario, run_scenario, scenarios
from flowstone_interfaces.production import INPUT
from flowstone_runtime.production.ancestry import ancestry
from flowstone_runtime.production.finished_tasks import FinishedTasks
from flowstone_runtime.production.identity import TaskIdentity, segment_of
from flowstone_runtime.production.outcome import write_outcome


class Jobs:
    """Jobs that do what the scenario says and record it as real ones do."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.store = Datastore.at(MemoryStorage(), create=True)
        self.tasks: list[Task] = []
        self.inputs: list[str] = []

    def submit(self, environ) -> None:
        identity = TaskIdentity.from_environ(environ)
        graph = self.scenario.graph
        journal = self.store.journal(graph.name, identity.run_id)
        known = FinishedTasks(journal, f"{graph.name}/{identity.run_id}")
        if known.start_of_run() is None:
            journal.writer("run").append(RunStarted(time=1.0, flow=graph.name, run_id=identity.run_id))
            self.inputs.append(environ[INPUT])
        key = identity.key(graph)
        assert known.attempts(key).number == 0, f"{key} is started twice"
        base = ancestry(graph, key, identity.parent_key(graph), known)
        task = Task(key, base.stack, tuple(parent.ref.key for parent in base.parents))
        self.tasks.append(task)
        leaving = self.scenario.transition(task)
        now = {"time": time.time(), "step": key.step, "task": key.id}
        transition = Transition(leaving.targets, leaving.count) if leaving.targets else None
        finished = TaskFinished(**now, transition=transition)
        stack = tuple((frame.step, frame.index, frame.count) for frame in task.stack)
        write_outcome(self.store.storage, graph.name, identity.run_id, graph[key.step], key, finished)
        writer = journal.writer(segment_of(key, 0))
        writer.append(
            TaskStarted(**now, stack=stack, parents=tuple((each.step, each.id) for each in task.parents))
        )
        writer.append(finished)

    def read(self, key: str) -> bytes:
        return self.store.storage.read(key.removeprefix("it's a {store}/"))


@settings(max_examples=200, deadline=None)
@given(scenarios())
def test_a_machine_starts_exactly_the_tasks_of_the_graph(scenario: Scenario) -> None:
    """One meaning everywhere; the prefix of the store may hold what its language takes for its own."""
    jobs = Jobs(scenario)
    machine = compile_machine(flow_plan(scenario.graph), Target("bucket", "it's a {store}/", "queue", "image"))
    Driver(jobs.submit, jobs.read, {"parameters": {"alpha": 1}}).run(machine)
    expected = run_scenario(scenario)
    assert sorted(jobs.tasks, key=repr) == sorted(expected, key=repr)
    assert jobs.inputs == ['{"parameters": {"alpha": 1}}']
