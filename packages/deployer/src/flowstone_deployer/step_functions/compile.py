"""`FlowPlan` -> state machine: a pure function.

| in the flow | in the machine |
|---|---|
| step | a task that submits a job and waits for its end |
| split | `Parallel`, one branch per target |
| foreach, `num_parallel` | a distributed `Map` over a list that the step's task left in the store |
| switch | a `Choice` on what the step's task left in the store |
| recursion | a way of the choice back to the step |

What travels from state to state is which task comes next, and nothing of its data: `run`, `item` (the index at
each level of foreach), and `from` (the step that led here). The rest the job finds in the store.
"""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_deployer.step_functions.ending import whole_run
from flowstone_deployer.step_functions.expressions import formatted, item_at, split
from flowstone_deployer.step_functions.jobs import State, task_state
from flowstone_deployer.step_functions.limits import check_machine
from flowstone_deployer.step_functions.names import BRANCHES, CAUGHT, CHOICE, ITEMS, WAY, state_name
from flowstone_deployer.step_functions.retries import with_retries
from flowstone_deployer.step_functions.target import Target
from flowstone_graph import FlowGraph, Kind, Node
from flowstone_interfaces.production import (
    FAILURE,
    INPUT,
    SWITCH_SEPARATOR,
    FlowPlan,
    items_path,
    results_path,
    way_path,
)


def compile_machine(plan: FlowPlan, target: Target) -> dict[str, Any]:
    """The flow as a definition in the Amazon States Language.

    Raises:
        LimitExceededError: Step Functions would refuse it, or could not run it to its end.
    """
    graph = FlowGraph.from_dict(dict(plan.graph))
    chain = _Compiler(graph, plan, target).chain(graph.start, None)
    machine = whole_run(graph, plan, target, chain)
    check_machine(graph.name, machine)
    return machine


def to_bytes(machine: Mapping[str, Any]) -> bytes:
    """The definition as JSON: equal machines give equal bytes."""
    return json.dumps(machine, separators=(",", ":"), ensure_ascii=False).encode()


@attrs.frozen
class _Compiler:
    graph: FlowGraph
    plan: FlowPlan
    target: Target

    def chain(self, first: str, stop: str | None) -> dict[str, Any]:
        """The states from a step on to the join `stop`, which is outside, or to the end of the flow."""
        states: dict[str, State] = {}
        waiting = [first]
        done = set()
        while waiting:
            step = waiting.pop()
            if step in done or step == stop:
                continue
            done.add(step)
            node = self.graph[step]
            states |= self._states(node, stop)
            join = self.graph.matching_join(step)
            waiting += [join] if join is not None else reversed(node.targets)
        return {"StartAt": state_name(first), "States": states}

    def _states(self, node: Node, stop: str | None) -> dict[str, State]:
        """The states of one step: its task, and what its transition takes."""
        after = self._transition(node, stop)
        way_on = {"Next": next(iter(after))} if after else self._way_on(node, stop)
        return {**self._task(node, way_on), **after}

    def _way_on(self, node: Node, stop: str | None) -> State:
        target = node.targets[0] if node.targets else None
        # Nobody reads what a chain leaves; of 40,000 items it would be too much.
        return {"Next": state_name(target)} if target not in (stop, None) else {"OutputPath": None, "End": True}

    def _task(self, node: Node, way_on: State) -> dict[str, State]:
        step, plan = node.name, self.plan.steps[node.name]
        # Only the first step's job reads it, and inside of a map it is another's.
        given = {f"{INPUT}.$": "States.JsonToString($$.Execution.Input)"} if step == self.graph.start else {}
        task = task_state(self.target, self.graph.name, step, plan.request, **given)
        around = with_retries(step, plan, task)
        states = {state_name(step): {**task, **way_on}, **around}
        if plan.catches:
            failure = {f"{FAILURE}.$": "$.from.error.Error"}
            caught = task_state(self.target, self.graph.name, step, plan.request, **given, **failure)
            states[state_name(step, CAUGHT)] = {**caught, **way_on}
        return states

    def _transition(self, node: Node, stop: str | None) -> dict[str, State]:
        join = self.graph.matching_join(node.name)
        if node.kind is Kind.SPLIT:
            assert join is not None, "a sound graph joins every split"
            branches = [self.chain(target, join) for target in node.targets]
            return {
                state_name(node.name, BRANCHES): {
                    "Type": "Parallel",
                    "Branches": branches,
                    "ResultPath": None,
                    "Next": state_name(join),
                }
            }
        if node.kind is Kind.FOREACH:
            assert join is not None, "a sound graph joins every split"
            return {state_name(node.name, ITEMS): self._map(node, join)}
        if node.kind is Kind.SWITCH:
            return self._switch(node)
        return {}

    def _map(self, node: Node, join: str) -> State:
        processor = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            **self.chain(node.targets[0], join),
        }
        return {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": self._place("Key", items_path(self.graph.name, "{}", node.name, "{}")),
            },
            # The run's id is handed on: an item has an execution of its own, with another name.
            "ItemSelector": {"run.$": "$.run", "item.$": "$$.Map.Item.Value", "from.$": "$.from"},
            "MaxConcurrency": self.target.max_concurrency,
            "ItemProcessor": processor,
            # Nobody reads them, but else the state fails if they are more than 256 KiB together: 87,000 items.
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": self._place("Prefix", results_path(self.graph.name, "{}", node.name, "{}")),
                "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
            },
            "ResultPath": None,
            "Next": state_name(join),
        }

    def _switch(self, node: Node) -> dict[str, State]:
        parts = split("$.Body", SWITCH_SEPARATOR)
        choice = state_name(node.name, CHOICE)
        return {
            state_name(node.name, WAY): {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
                "Parameters": self._place("Key", way_path(self.graph.name, "{}", node.name, "{}")),
                "ResultSelector": {"target.$": item_at(parts, 0), "parent.$": item_at(parts, 1), "tries": 0},
                "ResultPath": "$.from",
                "Retry": [
                    {
                        "ErrorEquals": ["S3.S3Exception", "S3.SdkClientException"],
                        "IntervalSeconds": 1,
                        "BackoffRate": 2,
                        "MaxAttempts": 5,
                    }
                ],
                "Next": choice,
            },
            choice: {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.from.target", "StringEquals": target, "Next": state_name(target)}
                    for target in node.targets
                ],
            },
        }

    def _place(self, name: str, path: str) -> State:
        return {"Bucket": self.target.bucket, f"{name}.$": formatted(self.target.prefix + path, "$.run", "$.item")}
